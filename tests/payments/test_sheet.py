"""The printed invoice: whose names it writes, and what it says of the others."""

import re
import struct
import unicodedata
import zlib

import pytest

from payments.wording.invoice_pdf import Sheet, draw
from payments.wording.letters import Look, Row
from payments.wording.truetype import LETTERS

INSTEAD = "(in letters that cannot be printed here)"
SHOWN = re.compile(rb"/(F\d) \d+ Tf [^<]*<([0-9a-f]*)> Tj")


def printed(name: str, line: str = "Tulips") -> bytes:
    rows = (Row(line, "2", "\u20ac40.00"),)
    facts, heads = (("Bill to", name), ("Date", "March 1, 2026")), ("Item", "Quantity", "Amount")
    return draw(Sheet(Look("Tulip House"), "Invoice 1", facts, heads, rows, (), INSTEAD))


def text_of(sheet: bytes) -> str:
    """What is written, as long as it takes one font beside Helvetica."""
    runs = SHOWN.findall(sheet)
    charsets = {b"F1": "cp1252", b"F2": "cp1252", b"F3": "utf-16-be"}
    return "".join(bytes.fromhex(run.decode()).decode(charsets[font]) for font, run in runs)


@pytest.mark.parametrize(
    "name",
    [
        "Ren\u00e9 M\u00fcller",
        "Nguy\u1ec5n \u0110\u01b0\u1eddng",
        unicodedata.normalize("NFD", "Nguy\u1ec5n \u0110\u01b0\u1eddng"),
        "\u0393\u03b9\u03ce\u03c1\u03b3\u03bf\u03c2 \u03aa\u0390",
        "\u0141ukasz \u017b\u00f3\u0142\u0107",
        "\u0130brahim Y\u0131ld\u0131z",
        "\u041e\u043b\u0435\u043a\u0441\u0430\u043d\u0434\u0440 \u0407\u0436\u0430\u043a",
        "\u10d2\u10d8\u10dd\u10e0\u10d2\u10d8",
        "\u5f20\u4f1f",
        "\u5f35\u5049",
        "\uae40\ubbfc\uc218",
        "\u65e5\u672c \u592a\u90ce",
    ],
)
def test_a_name_is_printed_as_it_is(name: str) -> None:
    assert f"Bill to: {unicodedata.normalize('NFC', name)}Date" in text_of(printed(name))


@pytest.mark.parametrize(
    "name",
    [
        "\u0623\u062d\u0645\u062f",
        "\u0905\u092e\u093f\u0924",
        "\u05d3\u05d5\u05d3",
        "\u0e44\u0e17\u0e22",
        "Ahmed \u0623\u062d\u0645\u062f",
        "Zs\u0335ofia",
    ],
)
def test_a_text_that_cannot_be_printed_is_said_to_be_one_and_never_mangled(name: str) -> None:
    assert f"Bill to: {INSTEAD}Date" in text_of(printed(name))
    assert INSTEAD in text_of(printed("Ada", line=name))


def test_what_is_no_letter_leaves_no_more_than_a_dot() -> None:
    assert "Bill to: Ada \u00b7Date" in text_of(printed("Ada \U0001f337\u200d"))


def test_the_same_sheet_is_the_same_bytes_and_holds_only_the_letters_that_it_writes() -> None:
    sheet = printed("Nguy\u1ec5n")

    assert sheet == printed("Nguy\u1ec5n")
    assert len(sheet) < 10_000
    assert len(printed("Ada")) < 2_000


def test_two_scripts_take_two_fonts() -> None:
    sheet = printed("Ludmi\u0119", line="\uae40\ubbfc\uc218")

    assert {font for font, _ in SHOWN.findall(sheet)} == {b"F1", b"F2", b"F3", b"F4"}


def test_a_reader_finds_each_letter_of_the_font_by_its_code_point() -> None:
    sheet, letter = printed("\u0141"), "\u0141"
    streams = [zlib.decompress(each) for each in _packed(sheet)]
    table, places, font = streams

    assert b"<0141> <0141>" in table
    assert struct.unpack_from(">H", places, 2 * ord(letter))[0] == LETTERS.glyphs[ord(letter)]
    assert font[:4] == b"\0\1\0\0"
    assert f"{ord(letter)} [{LETTERS.width(letter)}]".encode() in sheet


def _packed(sheet: bytes) -> list[bytes]:
    found = re.finditer(rb"/Length (\d+) /Filter /FlateDecode[^>]*>>\nstream\n", sheet)
    return [sheet[each.end() : each.end() + int(each[1])] for each in found]
