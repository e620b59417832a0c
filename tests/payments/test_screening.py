"""What a request's bytes may not be: a card number, too large, or not quite JSON."""

import json
import random
import uuid

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from payments.edge.screening import BODY_MAX, DEPTH_MAX, parse, require_no_pan, require_small
from payments.errors import MalformedJson, PanDetected, PayloadTooLarge

VISA = "4242424242424242"
CARDS = {
    "visa": VISA,
    "old visa": "4222222222222",
    "visa of 19 digits": "4000000000000000006",
    "mastercard": "5555555555554444",
    "mastercard that begins with 2": "2223003122003222",
    "american express": "378282246310005",
    "diners": "30569309025904",
    "discover": "6011111111111117",
    "jcb": "3566002020360505",
    "unionpay": "6200000000000005",
    "maestro": "6759649826438453",
}


def with_check_digit(digits: str) -> str:
    doubled = [int(digit) * 2 for digit in reversed(digits)][::2]
    single = [int(digit) for digit in reversed(digits)][1::2]
    total = sum(single) + sum(number // 10 + number % 10 for number in doubled)
    return digits + str(-total % 10)


#: How a network's numbers begin, and how many digits they have.
NETWORKS = {
    "4": (13, 16, 19),
    "51": (16,),
    "55": (16,),
    "2221": (16,),
    "2720": (16,),
    "2200": (16, 17, 18, 19),
    "34": (15,),
    "37": (15,),
    "300": (14, 16, 19),
    "305": (14, 16, 19),
    "36": (14, 16, 19),
    "38": (14, 16, 19),
    "3528": (16, 19),
    "3589": (16, 19),
    "6011": (16, 19),
    "62": (16, 17, 18, 19),
    "65": (16, 19),
    "5018": (13, 14, 15, 16, 17, 18, 19),
    "5893": (13, 14, 15, 16, 17, 18, 19),
    # None of 13 digits: shop systems number their orders so.
    "6304": (14, 15, 16, 17, 18, 19),
    "6759": (13, 14, 15, 16, 17, 18, 19),
}
DINERS = ("300", "305", "36", "38")


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    first, length = draw(
        st.sampled_from([(first, each) for first, sizes in NETWORKS.items() for each in sizes])
    )
    rest = length - 1 - len(first)
    number = with_check_digit(first + draw(st.text("0123456789", min_size=rest, max_size=rest)))
    # No Visa or Maestro card of 13 or 14 digits is left in the world, so a barcode has precedence;
    # Diners Club's cards have 14.
    assume(length > 14 or first in DINERS or not is_barcode(number))
    return number


def is_barcode(digits: str) -> bool:
    weighed = (int(digit) * (1, 3)[place % 2] for place, digit in enumerate(reversed(digits)))
    return sum(weighed) % 10 == 0


@pytest.mark.parametrize("number", CARDS.values(), ids=CARDS.keys())
def test_a_card_number_of_any_brand_is_refused(number: str) -> None:
    with pytest.raises(PanDetected):
        require_no_pan(number)


@pytest.mark.parametrize(
    "text",
    [
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "3782 822463 10005",
        "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
        f"card:{VISA}!",
        f"x{VISA}x",
        f"{VISA} 123",
        "4242 4242 4242 4242 12/30",
        "4242 4242 4242 4242 1230 123",
        f"12-30 {VISA}",
        f"22 {VISA}",
        json.dumps({"message": f"Please charge {VISA}, thanks"}),
        json.dumps({"order_ref": "4242-4242-4242-4242"}),
        json.dumps({"lines": [{"amount": int(VISA)}]}),
        json.dumps({VISA: 1}),
        f"/v1/customers/{VISA}",
    ],
)
def test_a_card_number_is_found_wherever_it_stands(text: str) -> None:
    with pytest.raises(PanDetected):
        require_no_pan(text)


def test_every_text_is_looked_at() -> None:
    with pytest.raises(PanDetected):
        require_no_pan("{}", "/v1/invoices", f"number={VISA}")


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",
        "42424242424242424242",
        "1763812678042",
        "2026-11-22T12:00:00Z",
        "+1 (650) 555-0123",
        "0049 30 1234567",
        "RE-2026-000123",
        "inv_01jdc5tk4m6x8q2r9v3w7y0z1a",
        json.dumps({"total": 99_999_999, "due": "2026-11-22"}),
        "DE89 3704 0044 0532 0130 00",
        "9999999999999995",
        "1111111111111117",
        # A telephone's IMEI always has Luhn's digit; no network gives out these with 15 digits.
        "IMEI 356938035643809",
        # Orders of a marketplace: 17 digits that begin as Visa's do.
        "402-0466109-9069584",
        # A time with milliseconds.
        "261122143215040",
        # Barcodes: France, Germany, and one with its quantity behind it.
        "3044610924834",
        "Roses 4094543561285",
        json.dumps({"description": "Tulips 4070338491630 100"}),
        # Accounts as banks print them, and as they are typed.
        "DE64 3704 0044 8362 6998 72",
        "Rent AT93 6221 7787 9224 3298 MAYA paid",
        "DK5600405552190153",
        "RF59 2742 6386 9464",
        # Escapes of JSON have digits of their own: an ideographic space before ten others.
        '{"message": "\\u30001569353610"}',
        # One of ours, made by chance.
        "/v1/invoices/inv_01m4242424242424242abcdefg",
    ],
)
def test_what_is_no_card_number_passes(text: str) -> None:
    require_no_pan(text)


def test_a_refusal_does_not_repeat_the_number() -> None:
    with pytest.raises(PanDetected) as refused:
        require_no_pan(VISA)
    assert "4242" not in json.dumps(refused.value.problem())


@given(card_numbers(), st.text(alphabet="abc \"',:", max_size=5), st.sampled_from(["", " ", "-"]))
def test_no_card_number_gets_through(number: str, around: str, divider: str) -> None:
    grouped = divider.join(number[start : start + 4] for start in range(0, len(number), 4))

    with pytest.raises(PanDetected):
        require_no_pan(f"{around}{grouped}{around}")


@given(st.integers(1_000_000_000_000, 1_999_999_999_999))
def test_no_timestamp_in_milliseconds_is_taken_for_a_card_number(timestamp: int) -> None:
    require_no_pan(str(timestamp))


@given(st.integers(0, 999_999_999_999))
def test_no_number_below_13_digits_is_taken_for_a_card_number(number: int) -> None:
    require_no_pan(str(number))


def test_no_random_identifier_is_taken_for_a_card_number() -> None:
    chance = random.Random(7)  # noqa: S311 - the same identifiers every time
    for _ in range(20_000):
        drawn = uuid.UUID(int=chance.getrandbits(128), version=4)
        require_no_pan(
            f"/v1/customers/{drawn}?cursor={drawn.hex}",
            json.dumps({"order_ref": f"N-{drawn.hex}", "email": f"{drawn}@buyer.example"}),
            f"{chance.getrandbits(160):040x} {chance.getrandbits(256):064X}",
        )


@pytest.mark.parametrize(
    "text",
    [
        f"{VISA}-{uuid.UUID(int=0xABCDEF)}",
        f"{uuid.UUID(int=0xABCDEF)} {VISA}",
        f"{'a' * 15}{VISA}",
        f"{'a' * 17}{VISA}",
        "42424242-4242-4242-0000-000000000000",
    ],
)
def test_a_card_number_beside_an_identifier_or_almost_one_is_found(text: str) -> None:
    with pytest.raises(PanDetected):
        require_no_pan(text)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "{'a': 1}",
        '{"a": 1} x',
        '{"a": 1, "a": 1}',
        '{"b": {"a": 1, "a": 2}}',
        '[{"a": 1, "a": 2}]',
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        "1" * 5000,
        "[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1),
        "[" * 1200 + "]" * 1200,
        "[" * 30_000 + "]" * 30_000,
        '{"a":' * 5000 + "1" + "}" * 5000,
    ],
    ids=lambda body: body[:20] or "nothing",
)
def test_what_is_not_quite_json_is_refused(body: str) -> None:
    with pytest.raises(MalformedJson):
        parse(body)


def test_what_is_json_is_read_as_it_stands() -> None:
    deepest = "[" * DEPTH_MAX + "]" * DEPTH_MAX

    assert parse('{"a": {"b": 1}, "b": [null, "é"]}') == {"a": {"b": 1}, "b": [None, "é"]}
    assert parse(deepest) == json.loads(deepest)


def test_a_body_is_refused_from_the_first_character_too_many() -> None:
    require_small("x" * BODY_MAX)

    with pytest.raises(PayloadTooLarge):
        require_small("x" * (BODY_MAX + 1))
