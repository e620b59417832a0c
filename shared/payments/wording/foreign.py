"""
The fonts for letters that Helvetica does not have, and which of them a text needs.

One font is in the file, with the letters that are used. Readers have those for Asian letters. In
all of them a letter is written as its UTF-16.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from payments.wording.truetype import LETTERS


class Font(Protocol):
    """A font with two bytes for each letter."""

    def has(self, letter: str) -> bool:
        """Say whether it can write a letter."""

    def width(self, letter: str) -> int:
        """Return how wide a letter is, in thousandths of the font's size."""

    def objects(self, first: int, letters: Iterable[str]) -> list[bytes]:
        """Return the PDF's objects from number `first` on: the font, and what it consists of."""


@dataclass(frozen=True, slots=True)
class Asian:
    """A font that readers have, for one of Adobe's collections of letters."""

    name: str
    collection: str
    supplement: int
    encoding: str
    charset: str

    def has(self, letter: str) -> bool:
        """Say whether the charset that its collection was made for has a letter."""
        try:
            return len(letter.encode(self.charset)) > 1
        except UnicodeEncodeError:
            return False

    def width(self, letter: str) -> int:
        """Return the width of all of them."""
        return 1000 * len(letter)

    def objects(self, first: int, letters: Iterable[str]) -> list[bytes]:
        """Return its objects, which are the same whatever is written."""
        del letters
        return [
            f"<< /Type /Font /Subtype /Type0 /BaseFont /{self.name} /Encoding /{self.encoding}"
            f" /DescendantFonts [{first + 1} 0 R] >>".encode(),
            f"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /{self.name} /DW 1000"
            f" /CIDSystemInfo << /Registry (Adobe) /Ordering ({self.collection})"
            f" /Supplement {self.supplement} >> /FontDescriptor {first + 2} 0 R >>".encode(),
            f"<< /Type /FontDescriptor /FontName /{self.name} /Flags 4 /ItalicAngle 0"
            " /FontBBox [-92 -250 1010 922] /Ascent 752 /Descent -221 /CapHeight 737"
            " /StemV 114 >>".encode(),
        ]


class Embedded:
    """The font in the file."""

    def has(self, letter: str) -> bool:
        """Say whether it can write a letter."""
        return LETTERS.has(letter)

    def width(self, letter: str) -> int:
        """Return how wide a letter is, in thousandths of the font's size."""
        return LETTERS.width(letter)

    def objects(self, first: int, letters: Iterable[str]) -> list[bytes]:
        """Return its objects; a letter's number in it is its code point."""
        used = sorted(set(letters))
        widths = " ".join(f"{ord(each)} [{self.width(each)}]" for each in used)
        places = bytearray(2 * (ord(used[-1]) + 1))
        for each in used:
            places[2 * ord(each) : 2 * ord(each) + 2] = LETTERS.glyphs[ord(each)].to_bytes(2, "big")
        file = LETTERS.with_letters(used)
        return [
            b"<< /Type /Font /Subtype /Type0 /BaseFont /AAAAAA+DejaVuSans /Encoding /Identity-H"
            b" /DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>" % (first + 1, first + 2),
            b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /AAAAAA+DejaVuSans"
            b" /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
            b" /DW 600 /W [%b] /CIDToGIDMap %d 0 R /FontDescriptor %d 0 R >>"
            % (widths.encode(), first + 3, first + 4),
            _stream(_to_unicode(used)),
            _stream(bytes(places)),
            b"<< /Type /FontDescriptor /FontName /AAAAAA+DejaVuSans /Flags 4 /ItalicAngle 0"
            b" /FontBBox [-1021 -280 1681 1068] /Ascent 928 /Descent -236 /CapHeight 729"
            b" /StemV 80 /FontFile2 %d 0 R >>" % (first + 5),
            _stream(file, b" /Length1 %d" % len(file)),
        ]


def _to_unicode(letters: list[str]) -> bytes:
    """Return the table by which a reader copies and searches: each letter is itself."""
    pairs = [f"<{ord(each):04x}> <{ord(each):04x}>" for each in letters]
    portions = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
    blocks = "\n".join(
        "\n".join((f"{len(portion)} beginbfchar", *portion, "endbfchar")) for portion in portions
    )
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CMapName /Letters def /CMapType 2 def\n"
        f"1 begincodespacerange <0000> <ffff> endcodespacerange\n{blocks}\n"
        "endcmap CMapName currentdict /CMap defineresource pop end end"
    ).encode()


def _stream(content: bytes, more: bytes = b"") -> bytes:
    packed = zlib.compress(content, 9)
    return b"<< /Length %d /Filter /FlateDecode%b >>\nstream\n%b\nendstream" % (
        len(packed), more, packed,
    )  # fmt: skip


#: The order in which they are asked, where several have a letter.
FONTS: tuple[Font, ...] = (
    Embedded(),
    Asian("HeiseiKakuGo-W5", "Japan1", 2, "UniJIS-UCS2-H", "shift_jis"),
    Asian("STSong-Light", "GB1", 4, "UniGB-UCS2-H", "gbk"),
    Asian("HYGoThic-Medium", "Korea1", 1, "UniKS-UCS2-H", "cp949"),
)


def needed(letters: Iterable[str]) -> tuple[Font, ...]:
    """Return the few fonts that together have all letters that any font has."""
    left, found = set(letters), list[Font]()
    while left:
        best = max(FONTS, key=lambda font: sum(map(font.has, left)))
        if not any(map(best.has, left)):
            break
        found.append(best)
        left = {letter for letter in left if not best.has(letter)}
    return tuple(found)
