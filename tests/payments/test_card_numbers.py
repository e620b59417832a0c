"""
How often the screen errs, both ways, on generated sets: docs/security.md has the figures.

A card number is drawn for every network and length, and written in every way that people part
digits. What businesses number, and where they write it, is drawn as they do.
"""

import json
import random
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from payments.edge.screening import has_pan
from tests.payments.test_screening import NETWORKS, with_check_digit

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
DRAWN = 4_000
WIDE = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}
ARABIC = {ord("0") + digit: 0x0660 + digit for digit in range(10)}


def chance() -> random.Random:
    return random.Random(1729)  # noqa: S311 - the same numbers every time


def digits(drawn: random.Random, count: int) -> str:
    return "".join(drawn.choices("0123456789", k=count))


def by_fours(number: str, divider: str) -> str:
    return divider.join(number[start : start + 4] for start in range(0, len(number), 4))


WRITTEN: dict[str, Callable[[str], str]] = {
    "plain": str,
    **{
        f"parted by {name}": lambda number, divider=divider: by_fours(number, divider)
        for name, divider in {
            "a space": " ",
            "two spaces": "  ",
            "a dot": ".",
            "dot and space": ". ",
            "a dash": "-",
            "two dashes": "--",
            "a dash between spaces": " - ",
            "a tab": "\t",
            "a hard space": "\u00a0",
            "thin spaces": "\u2009\u2009",
            "an en dash": "\u2013",
            "a middle dot": "\u00b7",
            "what nobody sees": "\u200b",
        }.items()
    },
    "each digit parted": " ".join,
    "full width": lambda number: number.translate(WIDE),
    "full width, parted": lambda number: by_fours(number.translate(WIDE), "\u3000"),
    "Arabic digits": lambda number: number.translate(ARABIC),
    "in JSON, escaped": lambda number: json.dumps({"a": by_fours(number, "\t")}),
    "with its expiry": lambda number: f"{number} 12/30 123",
    "in words": lambda number: f"card:{number}, thanks",
}


def cards(drawn: random.Random) -> Iterator[str]:
    """Card numbers of every network that gives out such lengths today."""
    issued = [(first, size) for first, sizes in NETWORKS.items() for size in sizes if size > 13]
    diners = ("300", "305", "36", "38")
    while True:
        first, size = drawn.choice(issued)
        if size == 14 and first not in diners:
            continue
        yield with_check_digit(first + digits(drawn, size - 1 - len(first)))


def gtin(body: str) -> str:
    weighed = (int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(body)))
    return body + str(-sum(weighed) % 10)


def iban(country: str, account: str) -> str:
    letters = "".join(str(int(letter, 36)) for letter in f"{account}{country}00")
    return f"{country}{98 - int(letters) % 97:02}{account}"


def swiss(body: str) -> str:
    carry = 0
    for digit in body:
        carry = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5)[(carry + int(digit)) % 10]
    whole = body + str((10 - carry) % 10)
    return " ".join([whole[:2], *(whole[at : at + 5] for at in range(2, 27, 5))])


def dashed(drawn: random.Random, first: str) -> str:
    return f"{first}-{digits(drawn, 7)}-{digits(drawn, 7)}"


def a_shops_order(drawn: random.Random) -> str:
    """An id as shop systems count them; none yet begins as the cards of an old network did."""
    while True:
        number = str(drawn.randrange(5_000_000_000_000, 8_000_000_000_000))
        if number[:4] not in {"5018", "5020", "5038", "5893", "6759", "6761", "6762", "6763"}:
            return number


BUSINESS: dict[str, Callable[[random.Random], str]] = {
    "orders of 13 digits, as shop systems count": a_shops_order,
    "orders of 13 digits that begin with 63": lambda drawn: "63" + digits(drawn, 11),
    "orders of a marketplace, 3-7-7": lambda drawn: dashed(drawn, digits(drawn, 3)),
    "the same without dashes, from 302": lambda drawn: "302" + digits(drawn, 14),
    "orders of a marketplace, 18 digits from 57": lambda drawn: f"57{digits(drawn, 16)}",
    "GTIN-13": lambda drawn: gtin(digits(drawn, 12)),
    "GTIN-14, but of the third packaging": lambda drawn: gtin(
        drawn.choice("01245678") + digits(drawn, 12)
    ),
    "GTIN-14 of the third packaging, with its name": lambda drawn: (
        f"GTIN {gtin('3' + digits(drawn, 12))}"
    ),
    "IBAN, as printed": lambda drawn: by_fours(iban("DE", digits(drawn, 18)), " "),
    "IBAN, as typed": lambda drawn: iban("FR", digits(drawn, 23)).lower(),
    "creditors' references": lambda drawn: by_fours(iban("RF", digits(drawn, 14)), " "),
    "Swiss references": lambda drawn: swiss(digits(drawn, 26)),
    "UUID": lambda drawn: str(uuid.UUID(int=drawn.getrandbits(128), version=4)),
    "telephones with their country": lambda drawn: (
        f"+{drawn.choice(('49 1', '33 6', '44 7', '86 13'))}{digits(drawn, 2)} {digits(drawn, 8)}"
    ),
    "telephones, grouped": lambda drawn: f"49 {digits(drawn, 3)} {digits(drawn, 8)}",
    "times in milliseconds": lambda drawn: str(drawn.randrange(1_500_000_000_000, 10**12 * 2)),
    "IMEI": lambda drawn: with_check_digit("35" + digits(drawn, 12)),
    "invoice numbers": lambda drawn: f"RE-2026-{digits(drawn, 8)}",
    "amounts as one writes them": lambda drawn: f"1.{digits(drawn, 3)}.{digits(drawn, 3)},00 EUR",
}
#: What cannot be told from a card number by its digits: how many of a hundred are refused.
DOUBTFUL: dict[str, Callable[[random.Random], str]] = {
    "13 digits that begin with 4, as an old Visa card": lambda drawn: "4" + digits(drawn, 12),
    "GTIN-14 of the third packaging, its digits alone": lambda drawn: gtin("3" + digits(drawn, 12)),
    "16 digits, whatever they begin with": lambda drawn: digits(drawn, 16),
}


def refused(draw: Callable[[random.Random], str]) -> list[str]:
    drawn = chance()
    return [text for text in (draw(drawn) for _ in range(DRAWN)) if has_pan(text)]


@pytest.mark.parametrize("way", WRITTEN)
def test_no_card_number_is_accepted_however_it_is_written(way: str) -> None:
    drawn = cards(chance())
    accepted = [
        text for text in (WRITTEN[way](next(drawn)) for _ in range(DRAWN)) if not has_pan(text)
    ]

    print(f"{way}: {len(accepted)} of {DRAWN} accepted")  # noqa: T201 - pytest -s shows the rates
    assert accepted == []


@pytest.mark.parametrize("kind", BUSINESS)
def test_no_number_that_businesses_use_is_refused(kind: str) -> None:
    found = refused(BUSINESS[kind])

    print(f"{kind}: {len(found)} of {DRAWN} refused")  # noqa: T201 - as above
    assert found == []


@pytest.mark.parametrize("kind", DOUBTFUL)
def test_how_often_a_doubtful_number_is_refused_is_written_down(kind: str) -> None:
    rate = 100 * len(refused(DOUBTFUL[kind])) / DRAWN
    written = re.search(rf"\| {re.escape(kind)} \| ([0-9.]+) % \|", DOCUMENT.read_text())

    print(f"{kind}: {rate:.1f} %")  # noqa: T201 - as above
    assert written
    assert abs(float(written[1]) - rate) < 0.2


def test_the_document_names_every_set() -> None:
    text = DOCUMENT.read_text()

    assert [name for name in (*WRITTEN, *BUSINESS, *DOUBTFUL) if name not in text] == []
