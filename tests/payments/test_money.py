"""Stripe's rules about amounts: nothing is ever rounded, and what is uncertain is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.errors import (
    AmountNotRepresentable,
    AmountTooLarge,
    AmountTooSmall,
    CurrencyNotSupported,
    PaymentsError,
)
from payments.money import (
    MAXIMUM_CHARGE,
    MINIMUM_CHARGE,
    SUPPORTED,
    THREE_DECIMAL,
    TWO_DECIMAL,
    UNPROVEN,
    WHOLE_UNITS,
    ZERO_DECIMAL,
    Money,
    decimals,
    least_charge,
    part_within,
    require_chargeable,
    require_currency,
    require_representable,
)

CURRENCIES = st.sampled_from(sorted(SUPPORTED))
AMOUNTS = st.integers(-MAXIMUM_CHARGE, MAXIMUM_CHARGE)


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (40_00, "eur", "40.00 EUR"),
        (5, "usd", "0.05 USD"),
        (-5, "usd", "-0.05 USD"),
        (0, "gbp", "0.00 GBP"),
        (500, "jpy", "500 JPY"),
        (0, "krw", "0 KRW"),
        (12_340, "kwd", "12.340 KWD"),
        (10, "tnd", "0.010 TND"),
        (1_200, "isk", "12.00 ISK"),
    ],
)
def test_an_amount_is_written_with_its_currencys_decimals(
    amount: int, currency: str, written: str
) -> None:
    assert str(Money(amount, currency)) == written


@pytest.mark.parametrize(
    ("amount", "currency", "refusal"),
    [
        (50, "usd", None),
        (49, "usd", AmountTooSmall),
        (30, "gbp", None),
        (29, "gbp", AmountTooSmall),
        (50, "jpy", None),
        (49, "jpy", AmountTooSmall),
        (175_00, "huf", None),
        (174_99, "huf", AmountTooSmall),
        (1, "twd", None),
        (0, "twd", AmountTooSmall),
        (-50, "eur", AmountTooSmall),
        (99_999_999, "eur", None),
        (100_000_000, "eur", AmountTooLarge),
        (999_999_999_999, "idr", None),
        (1_000_000_000_000, "idr", AmountTooLarge),
        (1_230, "kwd", None),
        (1_234, "kwd", AmountNotRepresentable),
        (1_005, "jod", AmountNotRepresentable),
        (500, "isk", None),
        (550, "isk", AmountNotRepresentable),
        (500, "ugx", CurrencyNotSupported),
        (500, "btc", CurrencyNotSupported),
        (500, "EUR", CurrencyNotSupported),
        (500, "", CurrencyNotSupported),
    ],
)
def test_an_amount_is_charged_only_if_stripe_would_charge_it(
    amount: int, currency: str, refusal: type[PaymentsError] | None
) -> None:
    if refusal is None:
        assert require_chargeable(Money(amount, currency)) is None
        return
    with pytest.raises(refusal):
        require_chargeable(Money(amount, currency))


def test_a_refusal_tells_the_callers_program_what_would_have_been_right() -> None:
    with pytest.raises(AmountTooSmall) as small:
        require_chargeable(Money(49, "usd"))
    with pytest.raises(AmountNotRepresentable) as odd:
        require_representable(Money(1_234, "kwd"))

    assert small.value.members == {"minimum": 50}
    assert odd.value.members == {"currency": "kwd", "step": 10}


def test_no_currency_has_two_kinds_of_minor_unit() -> None:
    kinds = [TWO_DECIMAL, ZERO_DECIMAL, THREE_DECIMAL, WHOLE_UNITS, UNPROVEN]

    assert sum(map(len, kinds)) == len(frozenset().union(*kinds))


def test_a_minimum_is_only_named_where_it_can_be_asked_for() -> None:
    for currency, minimum in MINIMUM_CHARGE.items():
        require_chargeable(Money(minimum, currency))


@given(CURRENCIES)
def test_every_supported_currency_has_decimals(currency: str) -> None:
    require_currency(currency)

    assert decimals(currency) in {0, 2, 3}


@given(st.text(max_size=4).filter(lambda text: text not in SUPPORTED))
def test_a_currency_that_is_not_in_the_table_has_no_amounts(currency: str) -> None:
    with pytest.raises(CurrencyNotSupported):
        require_representable(Money(100, currency))


@given(AMOUNTS, CURRENCIES)
def test_what_is_written_can_be_read_back_to_the_last_minor_unit(
    amount: int, currency: str
) -> None:
    number, name = str(Money(amount, currency)).split()

    assert Decimal(number).scaleb(decimals(currency)) == amount
    assert name.lower() == currency


@given(AMOUNTS, CURRENCIES)
def test_an_amount_is_representable_exactly_if_its_step_divides_it(
    amount: int, currency: str
) -> None:
    step = {"isk": 100}.get(currency, 10 if decimals(currency) == 3 else 1)

    if amount % step:
        with pytest.raises(AmountNotRepresentable):
            require_representable(Money(amount, currency))
    else:
        require_representable(Money(amount, currency))


@given(AMOUNTS, CURRENCIES)
def test_what_may_be_charged_is_within_stripes_bounds(amount: int, currency: str) -> None:
    try:
        require_chargeable(Money(amount, currency))
    except (AmountTooSmall, AmountNotRepresentable):
        return

    assert MINIMUM_CHARGE.get(currency, 1) <= amount <= MAXIMUM_CHARGE


@given(st.integers(1, 10**9), st.integers(1, 10**9), CURRENCIES)
def test_the_largest_part_leaves_nothing_or_what_can_be_charged(
    left: int, most: int, currency: str
) -> None:
    least = least_charge(currency)

    part = part_within(left, most, least)

    assert part <= min(left, most)
    assert not 0 < left - part < least
