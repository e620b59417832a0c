"""
An invoice on paper: as a PDF of a few kilobytes, with the fonts that every reader has.

Helvetica writes Western Europe, and the Japanese font that readers bring along writes Japanese,
Greek and Cyrillic. What neither has, emoji and other scripts, becomes its plain letter or a dot.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from payments.wording.letters import Look, Row
from payments.wording.pdf import A4, BOLD, JAPANESE, LATIN, Paper, width

WIDTH, HEIGHT = A4
LEFT, RIGHT, TOP, BOTTOM = 56, WIDTH - 56, HEIGHT - 64, 64
#: Letters that are not made of a plain one and a mark, but are read as one.
_CLOSE = str.maketrans("ŁłĐđıŦŧ\u202f", "LlDdiTt\u00a0")
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


def draw(sheet: Sheet) -> bytes:
    """Return the PDF; the same invoice gives the same bytes."""
    paper = Paper(sheet.title)
    _Pen(paper, sheet).write()
    return paper.printed()


class _Pen:
    """Goes down the page, and on to the next one."""

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
            self._paragraph(f"{label}: {value}", 10)
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
        lines = list(_wrapped(text, 10, 300, font))
        self._room(14 * len(lines) + 6)
        self._text(quantity, 10, RIGHT - 110, font, right=True)
        self._text(amount, 10, RIGHT, font, right=True)
        for line in lines:
            self._text(line, 10, LEFT, font)
            self._down(14)
        self._paper.bar("#dde2ea", LEFT, self._y + 8, RIGHT - LEFT, 1)
        self._down(6)

    def _paragraph(self, text: str, size: int, font: str = LATIN) -> None:
        for line in _wrapped(text, size, RIGHT - LEFT, font):
            self._room(size * 3 // 2)
            self._text(line, size, LEFT, font)
            self._down(size * 3 // 2)

    def _text(self, text: str, size: int, x: int, font: str, *, right: bool = False) -> None:
        at = x * POINT - (_width(text, size, font) if right else 0)
        for named, run in _runs(text, font):
            self._paper.write(run, named, size, at, self._y)
            at += width(run, named, size)

    def _room(self, needed: int) -> None:
        if self._y - needed < BOTTOM:
            self._paper.turn()
            self._y = TOP

    def _down(self, by: int) -> None:
        self._y -= by


def _runs(text: str, latin: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a text with the font that has their letters."""
    known = [(_font(each, latin), each) for each in _plain(text)]
    for font, letters in groupby(known, key=lambda pair: pair[0]):
        yield font, "".join(letter for _, letter in letters)


def _font(letter: str, latin: str) -> str:
    return latin if _fits(letter, "cp1252") else JAPANESE


def _plain(text: str) -> Iterator[str]:
    """Yield the letters that one of the two fonts has."""
    for letter in unicodedata.normalize("NFC", text).translate(_CLOSE):
        if _fits(letter, "cp1252") or _fits(letter, "shift_jis"):
            yield letter if letter.isprintable() or letter == "\u00a0" else " "
            continue
        base = unicodedata.normalize("NFKD", letter)[0]
        if _fits(base, "cp1252") and base.isprintable():
            yield base
        elif not unicodedata.combining(letter) and letter.isprintable():
            yield "·"


def _fits(letter: str, charset: str) -> bool:
    try:
        letter.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


def _width(text: str, size: int, font: str) -> int:
    return sum(width(run, named, size) for named, run in _runs(text, font))


def _wrapped(text: str, size: int, room: int, font: str) -> Iterator[str]:
    """Break a text into lines that fit, at blanks where there are any."""
    line = ""
    for letter in " ".join(text.split()):
        if line and _width(line + letter, size, font) > room * POINT:
            head, blank, tail = line.rpartition(" ")
            yield head if blank else line
            line = tail if blank else ""
        line += letter
    yield line
