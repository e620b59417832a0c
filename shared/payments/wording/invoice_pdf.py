"""
An invoice as a PDF of a few kilobytes.

Helvetica writes Western Europe; `foreign` has the fonts for the rest of Europe and for East Asia. A
text in other letters is not mangled: a sentence takes its place. Emoji become a dot.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from payments.wording.foreign import needed
from payments.wording.letters import Look, Row
from payments.wording.pdf import A4, BOLD, LATIN, Paper

WIDTH, HEIGHT = A4
LEFT, RIGHT, TOP, BOTTOM = 56, WIDTH - 56, HEIGHT - 64, 64
#: Blanks that Helvetica does not have.
_BLANKS = str.maketrans("\u202f\u2009", "\u00a0\u00a0")
#: Written instead of a picture.
_DOT = "\N{MIDDLE DOT}"
#: Widths are in thousandths of a point.
POINT = 1000


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is printed, every amount and date written out."""

    look: Look
    title: str
    facts: tuple[tuple[str, str], ...]
    heads: tuple[str, str, str]
    rows: tuple[Row, ...]
    sums: tuple[tuple[str, str], ...]
    #: Written instead of a text whose letters no font here has.
    instead: str = "?"


def draw(sheet: Sheet) -> bytes:
    """Return the PDF; the same invoice gives the same bytes."""
    letters = {each for text in _texts(sheet) for each in _normal(text)}
    foreign = (each for each in letters if not _fits(each))
    paper = Paper(sheet.title, needed(foreign))
    _Pen(paper, sheet).write()
    return paper.printed()


def _texts(sheet: Sheet) -> Iterator[str]:
    """Yield all texts of the sheet."""
    yield from (sheet.look.name, sheet.title, sheet.instead, *sheet.heads)
    for pair in (*sheet.facts, *sheet.sums):
        yield from pair
    for row in sheet.rows:
        yield from (row.text, row.quantity, row.amount)


class _Pen:
    """Writes down the page, and on to the next one."""

    def __init__(self, paper: Paper, sheet: Sheet) -> None:
        self._paper, self._sheet, self._y = paper, sheet, TOP

    def write(self) -> None:
        """Write the whole sheet."""
        sheet = self._sheet
        self._paper.bar(sheet.look.colour, 0, HEIGHT - 10, WIDTH, 10)
        self._paragraph(sheet.look.name, 12)
        self._down(18)
        self._paragraph(sheet.title, 20, font=BOLD)
        self._down(10)
        for label, value in sheet.facts:
            self._paragraph(f"{label}: {self._plain(value)}", 10)
        self._down(20)
        if sheet.rows:
            self._line(sheet.heads, font=BOLD)
        for row in sheet.rows:
            self._line((row.text, row.quantity, row.amount))
        self._down(12)
        for label, value in sheet.sums:
            self._room(16)
            self._text(label, 11, LEFT + 240, BOLD)
            self._text(value, 11, RIGHT, BOLD, right=True)
            self._down(16)

    def _line(self, cells: tuple[str, str, str], font: str = LATIN) -> None:
        text, quantity, amount = cells
        lines = list(self._wrapped(text, 10, 300, font))
        self._room(14 * len(lines) + 6)
        self._text(quantity, 10, RIGHT - 110, font, right=True)
        self._text(amount, 10, RIGHT, font, right=True)
        for line in lines:
            self._text(line, 10, LEFT, font)
            self._down(14)
        self._paper.bar("#dde2ea", LEFT, self._y + 8, RIGHT - LEFT, 1)
        self._down(6)

    def _paragraph(self, text: str, size: int, font: str = LATIN) -> None:
        for line in self._wrapped(text, size, RIGHT - LEFT, font):
            self._room(size * 3 // 2)
            self._text(line, size, LEFT, font)
            self._down(size * 3 // 2)

    def _text(self, text: str, size: int, x: int, font: str, *, right: bool = False) -> None:
        shown = self._plain(text)
        at = x * POINT - (self._width(shown, size, font) if right else 0)
        for named, run in self._runs(shown, font):
            self._paper.write(run, named, size, at, self._y)
            at += self._paper.width(run, named, size)

    def _room(self, high: int) -> None:
        if self._y - high < BOTTOM:
            self._paper.turn()
            self._y = TOP

    def _down(self, by: int) -> None:
        self._y -= by

    def _plain(self, text: str) -> str:
        """Return a text in letters that can be written, or the sentence that replaces it."""
        written = _normal(text)
        if any(_is_writing(each) and not self._has(each) for each in written):
            return self._sheet.instead
        return "".join(each if self._has(each) else _DOT for each in written)

    def _has(self, letter: str) -> bool:
        return self._paper.font_of(letter, LATIN) is not None

    def _runs(self, text: str, latin: str) -> Iterator[tuple[str, str]]:
        """Yield the parts of a text with the font that has their letters."""
        known = ((self._paper.font_of(each, latin) or latin, each) for each in text)
        for font, letters in groupby(known, key=lambda pair: pair[0]):
            yield font, "".join(letter for _, letter in letters)

    def _width(self, text: str, size: int, font: str) -> int:
        return sum(self._paper.width(run, named, size) for named, run in self._runs(text, font))

    def _wrapped(self, text: str, size: int, room: int, font: str) -> Iterator[str]:
        """Break a text into lines that fit, at blanks where there are any."""
        line = ""
        for letter in " ".join(self._plain(text).split()):
            if line and self._width(line + letter, size, font) > room * POINT:
                head, blank, tail = line.rpartition(" ")
                yield head if blank else line
                line = tail if blank else ""
            line += letter
        yield line


def _normal(text: str) -> str:
    """Return a text with each letter and its marks in one, without invisible characters."""
    composed = unicodedata.normalize("NFC", text).translate(_BLANKS)
    shown = (each if unicodedata.category(each) != "Cc" else " " for each in composed)
    return "".join(each for each in shown if unicodedata.category(each) != "Cf")


def _is_writing(letter: str) -> bool:
    """Whether a text without this character is another text: a letter, a mark or a digit."""
    return unicodedata.category(letter)[0] in "LMN"


def _fits(letter: str) -> bool:
    try:
        letter.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True
