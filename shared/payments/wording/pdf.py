"""
PDF as far as an invoice needs it: text, lines and bars.

PDF 1.4, by ISO 32000: objects, a table of where they are, a trailer. docs/decisions.md says why no
library does this.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from payments.wording.foreign import Font

A4 = (595, 842)
LATIN, BOLD = "F1", "F2"
#: Adobe's metrics of Helvetica and Helvetica-Bold by Windows-1252: 32 to 126, then 128 to 255.
_HELVETICA = """
    278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556
    556 556 556 556 278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667
    556 833 722 778 667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556 333 556
    556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722
    500 500 500 334 260 334 584 556 0 222 556 333 1000 556 556 333 1000 667 333 1000 0 611 0
    0 222 222 333 333 350 556 1000 333 1000 500 333 944 0 500 667 278 333 556 556 556 556
    260 556 333 737 370 556 584 333 737 333 400 584 333 333 333 556 537 278 333 333 365 556
    834 834 834 611 667 667 667 667 667 667 1000 722 667 667 667 667 278 278 278 278 722 722
    778 778 778 778 778 584 778 722 722 722 722 667 667 611 556 556 556 556 556 556 889 500
    556 556 556 556 278 278 278 278 556 556 556 556 556 556 556 584 611 556 556 556 556 500
    556 500
"""
_HELVETICA_BOLD = """
    278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556
    556 556 556 556 333 333 584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722
    611 833 722 778 667 778 722 667 611 722 667 944 667 667 611 333 278 333 584 556 333 556
    611 556 611 556 333 611 611 278 278 556 278 889 611 611 611 611 389 556 333 611 556 778
    556 556 500 389 280 389 584 556 0 278 556 500 1000 556 556 333 1000 667 333 1000 0 611 0
    0 278 278 500 500 350 556 1000 333 1000 556 333 944 0 500 667 278 333 556 556 556 556
    280 556 333 737 370 556 584 333 737 333 400 584 333 333 333 611 556 278 333 333 365 556
    834 834 834 611 722 722 722 722 722 722 1000 722 667 667 667 667 278 278 278 278 722 722
    778 778 778 778 778 584 778 722 722 722 722 667 667 611 556 556 556 556 556 556 889 556
    556 556 556 556 278 278 278 278 611 611 611 611 611 611 611 584 611 611 611 611 611 556
    611 556
"""
_CODES = (*range(32, 127), *range(128, 256))
_WIDTHS = {
    LATIN: dict(zip(_CODES, map(int, _HELVETICA.split()), strict=True)),
    BOLD: dict(zip(_CODES, map(int, _HELVETICA_BOLD.split()), strict=True)),
}
#: The number of the first page among the objects; what stands before it is in every file.
_FIRST_PAGE = 6
_WESTERN = b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>"


@dataclass(slots=True)
class Paper:
    """Pages that are written one after the other; `y` counts from the bottom, in points."""

    title: str
    #: Beside Helvetica: `F3` and so on, in their order.
    fonts: tuple[Font, ...] = ()
    _pages: list[list[bytes]] = field(default_factory=lambda: [[]])
    _used: dict[str, set[str]] = field(default_factory=dict)

    def turn(self) -> None:
        """Begin a new page."""
        self._pages.append([])

    def font_of(self, letter: str, latin: str) -> str | None:
        """Return the name of the font that writes a letter, `latin` if that is one; or None."""
        if _is_western(letter):
            return latin
        return next((f"F{3 + at}" for at, font in enumerate(self.fonts) if font.has(letter)), None)

    def width(self, run: str, font: str, size: int) -> int:
        """Return how wide a run of one font is, in thousandths of a point."""
        widths: dict[int, int] | None = _WIDTHS.get(font)
        if widths:
            return size * sum(widths.get(code, 0) for code in run.encode("cp1252"))
        return size * sum(map(self.fonts[int(font[1:]) - 3].width, run))

    def write(self, run: str, font: str, size: int, x: int, y: int) -> None:
        """Write a run of one font; `x` is in thousandths of a point."""
        self._used.setdefault(font, set()).update(run)
        coded = run.encode("cp1252" if font in _WIDTHS else "utf-16-be").hex()
        where = f"{x // 1000}.{x % 1000:03} {y}"
        self._add(f"BT /{font} {size} Tf {where} Td <{coded}> Tj ET")

    def bar(self, colour: str, x: int, y: int, wide: int, high: int) -> None:
        """Fill a rectangle; later text is dark again."""
        self._add(f"{_colour(colour)} rg {x} {y} {wide} {high} re f {_colour('#1b2430')} rg")

    def _add(self, operation: str) -> None:
        self._pages[-1].append(operation.encode("ascii"))

    def printed(self) -> bytes:
        """Return the file; the same content gives the same bytes."""
        fonts, begins = list[bytes](), list[int]()
        first = _FIRST_PAGE + 2 * len(self._pages)
        for at, font in enumerate(self.fonts):
            begins.append(first + len(fonts))
            fonts += font.objects(begins[-1], self._used.get(f"F{3 + at}", " "))
        named = "".join(f" /F{3 + at} {begin} 0 R" for at, begin in enumerate(begins))
        return _assembled([*self._fixed(), *self._written(named), *fonts], _FIRST_PAGE - 1)

    def _fixed(self) -> list[bytes]:
        kids = " ".join(f"{_FIRST_PAGE + 2 * number} 0 R" for number in range(len(self._pages)))
        title = self.title.encode("utf-16").hex() if self.title else ""
        return [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            f"<< /Type /Pages /Kids [{kids}] /Count {len(self._pages)} >>".encode(),
            _WESTERN % b"Helvetica",
            _WESTERN % b"Helvetica-Bold",
            f"<< /Title <{title}> >>".encode(),
        ]

    def _written(self, fonts: str) -> Iterable[bytes]:
        size = " ".join(map(str, A4))
        for number, page in enumerate(self._pages):
            yield (
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size}] /Resources << /Font <<"
                f" /F1 3 0 R /F2 4 0 R{fonts} >> >> /Contents"
                f" {_FIRST_PAGE + 1 + 2 * number} 0 R >>"
            ).encode()
            drawn = b"\n".join(page)
            yield b"<< /Length %d >>\nstream\n%b\nendstream" % (len(drawn), drawn)


def _is_western(letter: str) -> bool:
    try:
        letter.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _assembled(objects: Iterable[bytes], info: int) -> bytes:
    """Return the objects with the table that says at which byte each of them begins."""
    file, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    begin = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return bytes(file + trailer % (len(places) + 1, info, begin))


def _colour(text: str) -> str:
    parts = (int(text[place : place + 2], 16) for place in (1, 3, 5))
    return " ".join(
        f"{part * 1000 // 255 // 1000}.{part * 1000 // 255 % 1000:03}" for part in parts
    )
