"""Amounts and dates as people of a country write them."""

import re
from copy import copy
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date

from payments.money import WHOLE_UNITS, decimals

#: The languages of our texts; all other readers get the first one.
LANGUAGES = ("en", "de", "es", "fr", "ja", "pt")


def known(tag: str | None) -> str:
    """Return the known locale that suits a tag best: `de` for `de-XX`, `en` for `nl`."""
    language, _, region = (tag or "").replace("_", "-").partition("-")
    if language.lower() not in LANGUAGES:
        return LANGUAGES[0]
    wanted = f"{language.lower()}-{region.upper()}" if region else language.lower()
    return wanted if _locale(wanted) else language.lower()


def language_of(locale: str) -> str:
    """Return the language of a known locale."""
    return locale.partition("-")[0]


@cache
def _locale(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return None


def _format(locale: str) -> Locale:
    return _locale(known(locale)) or Locale("en")


#: Where CLDR groups no four digits (`minimumGroupingDigits`), which Babel does not know.
_FROM_FIVE = frozenset(
    f"{language}-{region}".removesuffix("-")
    for language, regions in {
        "es": ("", "EA", "ES", "GQ", "IC", "PH"),
        "pt": ("CH", "CV", "GQ", "GW", "LU", "MO", "MZ", "PT", "ST", "TL"),
    }.items()
    for region in regions
)
#: Where CLDR has a space between sign and digits that Babel has lost.
_SPACED = frozenset({"es-AR", "es-CO"})
_UNGROUPED_BELOW = 10_000
_UNSPACED_CODE = re.compile(r"(?<=[A-Z])(?=\d)")
_UNSPACED_SIGN = re.compile(r"(?<=[^\d\s.,-])(?=\d)")


@lru_cache(maxsize=256)
def amount(minor: int, currency: str, locale: str) -> str:
    """Return minor units as an amount with all of Stripe's digits, whatever CLDR rounds to."""
    digits = 0 if currency in WHOLE_UNITS else decimals(currency)
    exact = Decimal(minor).scaleb(-decimals(currency))
    pattern = copy(_format(locale).currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    few = known(locale) in _FROM_FIVE and abs(exact) < _UNGROUPED_BELOW
    written = pattern.apply(
        exact,
        _format(locale),
        currency=currency.upper(),
        currency_digits=False,
        group_separator=not few,
    )
    # CLDR puts a space between letters and digits, and Babel leaves it out: KWD 1.000.
    unspaced = _UNSPACED_SIGN if known(locale) in _SPACED else _UNSPACED_CODE
    spaced = unspaced.sub("\N{NO-BREAK SPACE}", str(written))
    return with_decimal_sign(spaced, locale)


def with_decimal_sign(written: str, locale: str) -> str:
    """Return a number with the decimal sign for amounts, where a country has its own."""
    symbols = _format(locale).number_symbols["latn"]
    return written.replace(symbols["decimal"], decimal_sign(locale))


def decimal_sign(locale: str) -> str:
    """Return the sign before the fraction of an amount."""
    symbols = _format(locale).number_symbols["latn"]
    return str(symbols.get("currencyDecimal", symbols["decimal"]))


def day(on: date, locale: str) -> str:
    """Return a day as text."""
    return format_date(on, format="long", locale=_format(locale))


def day_of(at: datetime, locale: str, zone: str) -> str:
    """Return the day of a time in a time zone; only the merchant's own zone has no label."""
    written = day(at.astimezone(ZoneInfo(zone)).date(), locale)
    return f"{written} (UTC)" if zone == "UTC" else written


def minute_of(at: datetime, zone: str) -> str:
    """Return a time to the minute, with its time zone."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"
