"""
The font that a sheet contains: letters of Europe, of Vietnam and the Caucasus.

It is DejaVu Sans with those letters alone, each with its own outline; a sheet holds only the
letters that it writes. The format is OpenType's: a directory of tables, big-endian.
"""

import struct
from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise
from pathlib import Path

FILE = Path(__file__).parent / "fonts" / "letters.ttf"
#: In the order in which a reader looks for them; it has its letters by their numbers already.
_KEPT = ("glyf", "head", "hhea", "hmtx", "loca", "maxp")
_UNITS = 2048


class TrueType:
    """Reads the font, and writes it again with some of its letters."""

    def __init__(self, file: Path = FILE) -> None:
        """Name the file, which is read with the first letter that is asked for."""
        self._file = file

    @cached_property
    def glyphs(self) -> dict[int, int]:
        """The number of each letter's outline, by its code point."""
        table = self._tables["cmap"]
        begin = struct.unpack_from(">I", table, 8)[0]
        count = struct.unpack_from(">I", table, begin + 12)[0]
        groups = struct.iter_unpack(">III", table[begin + 16 : begin + 16 + 12 * count])
        return {
            code: glyph + code - first
            for first, last, glyph in groups
            for code in range(first, last + 1)
        }

    def has(self, letter: str) -> bool:
        """Say whether it can write a letter."""
        return ord(letter) in self.glyphs

    def width(self, letter: str) -> int:
        """Return how wide a letter is, in thousandths of the font's size."""
        metrics: int = struct.unpack_from(">H", self._tables["hhea"], 34)[0]
        place = min(self.glyphs[ord(letter)], metrics - 1)
        wide: int = struct.unpack_from(">H", self._tables["hmtx"], 4 * place)[0]
        return wide * 1000 // _UNITS

    def with_letters(self, letters: Iterable[str]) -> bytes:
        """Return the font with only the outlines of `letters`."""
        kept = {0, *(self.glyphs[ord(letter)] for letter in letters)}
        places = [place for (place,) in struct.iter_unpack(">I", self._tables["loca"])]
        outlines, ends = b"", [0]
        for number, (first, last) in enumerate(pairwise(places)):
            if number in kept:
                outlines += self._tables["glyf"][first:last]
            ends.append(len(outlines))
        changed = {"glyf": outlines, "loca": struct.pack(f">{len(ends)}I", *ends)}
        return _assembled({name: changed.get(name, self._tables[name]) for name in _KEPT})

    @cached_property
    def _tables(self) -> dict[str, bytes]:
        file = self._file.read_bytes()
        count = struct.unpack_from(">H", file, 4)[0]
        found = (struct.unpack_from(">4sIII", file, 12 + 16 * place) for place in range(count))
        return {name.decode(): file[at : at + size] for name, _, at, size in found}


def _assembled(tables: dict[str, bytes]) -> bytes:
    """Return a file of these tables, each at a multiple of four bytes."""
    count = len(tables)
    power = count.bit_length() - 1
    head = struct.pack(">IHHHH", 0x10000, count, 16 << power, power, 16 * count - (16 << power))
    directory, body = b"", b""
    for name, table in sorted(tables.items()):
        padded = table + b"\0" * (-len(table) % 4)
        checked = sum(word for (word,) in struct.iter_unpack(">I", padded)) & 0xFFFFFFFF
        place = len(head) + 16 * count + len(body)
        directory += struct.pack(">4sIII", name.encode(), checked, place, len(table))
        body += padded
    return head + directory + body


LETTERS = TrueType()
