"""What a request's bytes may not be: a card number, too large, or not quite JSON."""

import json
import random
import uuid

import pytest
from hypothesis import given
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


CARD_NUMBERS = st.builds(
    lambda first, rest: with_check_digit(first + rest),
    st.sampled_from(["34", "37", "4", "51", "55", "2221", "2720", "6011", "65"]),
    st.text("0123456789", min_size=11, max_size=14),
)


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
    ],
)
def test_what_is_no_card_number_passes(text: str) -> None:
    require_no_pan(text)


def test_a_refusal_does_not_repeat_the_number() -> None:
    with pytest.raises(PanDetected) as refused:
        require_no_pan(VISA)
    assert "4242" not in json.dumps(refused.value.problem())


@given(CARD_NUMBERS, st.text(alphabet="abc \"',:", max_size=5), st.sampled_from(["", " ", "-"]))
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
