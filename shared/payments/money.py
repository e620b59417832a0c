"""
Money is an integer in the currency's minor unit, as Stripe counts it, and a currency.

Source of the tables: Stripe, "Supported currencies" (docs.stripe.com/currencies): presentment
currencies, zero-decimal and three-decimal currencies, special cases, minimum amounts.
"""

from dataclasses import dataclass

from payments.errors import (
    AmountNotRepresentable,
    AmountTooLarge,
    AmountTooSmall,
    CurrencyNotSupported,
)


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


TWO_DECIMAL = _codes(
    """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bmd bnd bob brl bsd bwp byn bzd cad cdf
    chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg
    huf idr ils inr jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr
    mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr
    sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu uzs wst xcd xcg yer
    zar zmw
    """
)
ZERO_DECIMAL = _codes(
    """
    bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf
    """
)
#: Cards know no fils or millimes below ten, so the last digit is always 0.
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
#: Written with two decimals that are always 00; anything else is
#: `invalid_charge_amount_no_decimal_compatible`.
WHOLE_UNITS = frozenset({"isk"})
#: Stripe lists the Ugandan shilling both as zero-decimal and as written with two decimals. A guess
#: could collect a hundred times too much, so it stays refused until a test charge has settled it.
UNPROVEN = frozenset({"ugx"})

#: Minor units. Elsewhere Stripe's minimum is that of the settlement currency, which only Stripe
#: knows.
MINIMUM_CHARGE = {
    "usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200,
    "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
#: What one charge takes: eight digits, and in a currency of small units more.
MAXIMUM_CHARGE = 99_999_999
MAXIMUM_CHARGES = {"idr": 999_999_999_999}
#: What an invoice may ask for. More than one charge takes is paid in parts, or by bank.
MAXIMUM_TOTAL = 999_999_999_999

SUPPORTED = TWO_DECIMAL | ZERO_DECIMAL | THREE_DECIMAL | WHOLE_UNITS


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` minor units of `currency` (lower case ISO 4217)."""

    amount: int
    currency: str

    def __str__(self) -> str:
        """Write it for a person: `40.00 EUR`, `500 JPY`."""
        digits = decimals(self.currency)
        sign, units = ("-" if self.amount < 0 else ""), str(abs(self.amount)).zfill(digits + 1)
        whole, fraction = (units[:-digits], "." + units[-digits:]) if digits else (units, "")
        return f"{sign}{whole}{fraction} {self.currency.upper()}"


def decimals(currency: str) -> int:
    """Return how many digits of an amount are below the currency's main unit."""
    require_currency(currency)
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def require_currency(currency: str) -> None:
    """Refuse a currency that Stripe does not present, or whose minor unit is not certain."""
    if currency in UNPROVEN:
        raise CurrencyNotSupported(
            f"{currency.upper()} is not offered: Stripe's own pages disagree about its minor unit.",
            currency=currency,
        )
    if currency not in SUPPORTED:
        raise CurrencyNotSupported("Stripe presents no such currency.")


def step(currency: str) -> int:
    """Return the number of minor units that every amount of a currency is a multiple of."""
    return 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_UNITS else 1


def require_representable(money: Money) -> None:
    """Refuse an amount that the currency does not have: nothing is ever rounded here."""
    require_currency(money.currency)
    least = step(money.currency)
    if money.amount % least:
        raise AmountNotRepresentable(
            f"Amounts in {money.currency.upper()} are multiples of {least} minor units.",
            currency=money.currency,
            step=least,
        )
    if money.amount > MAXIMUM_TOTAL:
        raise AmountTooLarge(
            f"The most that can be asked for is {MAXIMUM_TOTAL} minor units.",
            maximum=MAXIMUM_TOTAL,
        )


def most_charge(currency: str) -> int:
    """Return the largest amount that Stripe charges at once in a currency."""
    most = MAXIMUM_CHARGES.get(currency, MAXIMUM_CHARGE)
    return most - most % step(currency)


def least_charge(currency: str) -> int:
    """Return the smallest amount that Stripe is known to charge in a currency."""
    return MINIMUM_CHARGE.get(currency, step(currency))


def require_chargeable(money: Money) -> None:
    """Refuse an amount that Stripe would refuse to charge."""
    require_representable(money)
    minimum, maximum = least_charge(money.currency), most_charge(money.currency)
    if money.amount > maximum:
        raise AmountTooLarge(
            "The most that Stripe charges at once in this currency is "
            f"{Money(maximum, money.currency)}: ask for it in parts.",
            maximum=maximum,
        )
    if money.amount < minimum:
        raise AmountTooSmall(
            f"The least that Stripe charges in this currency is {Money(minimum, money.currency)}.",
            minimum=minimum,
        )


def require_rest(rest: int, currency: str, least: int = 0) -> None:
    """Refuse a part payment that leaves less than Stripe charges, or than `least`."""
    minimum = max(least, least_charge(currency))
    if 0 < rest < minimum:
        raise AmountTooSmall(
            f"It would leave {Money(rest, currency)}, and the least that can be paid at once is "
            f"{Money(minimum, currency)}: ask for all of it, or leave that much.",
            minimum=minimum,
            rest=rest,
        )


def part_within(left: int, most: int, least: int) -> int:
    """Return the largest part of `left`, up to `most`, that leaves nothing or at least `least`."""
    part = min(left, most)
    return left - least if 0 < left - part < least else part
