"""What a payer's browser asks for and a payer types: languages, and amounts as they write them."""

import re
from copy import copy
from decimal import Decimal

from payments.money import WHOLE_UNITS, decimals
from payments.wording.locales import LANGUAGES, _format, known

_TAG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
#: A longer list is no person's.
_TAGS_MAX = 20


def preferred(accepted: str | None, otherwise: str | None = None) -> str:
    """Return the first locale of an Accept-Language header in which there are texts."""
    wishes = []
    for place, wish in enumerate((accepted or "").split(",")[:_TAGS_MAX]):
        tag, _, weight = wish.strip().partition(";")
        if _TAG.fullmatch(tag) and tag.partition("-")[0].lower() in LANGUAGES:
            wishes.append((-_weight(weight), place, tag))
    return known(min(wishes)[2] if wishes and min(wishes)[0] < 0 else otherwise)


def _weight(text: str) -> Decimal:
    """Return how much a language is wished for; what cannot be read is no wish."""
    if not text:
        return Decimal(1)
    found = re.fullmatch(r"\s{0,9}q=([01](?:\.\d{0,3})?)\s{0,9}", text)
    return Decimal(found[1]) if found else Decimal(0)


def plain(minor: int, currency: str, locale: str) -> str:
    """Write an amount as somebody types it: digits and a decimal sign, nothing else."""
    digits = _digits(currency)
    pattern = copy(_format(locale).decimal_formats[None])
    pattern.frac_prec = (digits, digits)
    exact = Decimal(minor).scaleb(-decimals(currency))
    return str(pattern.apply(exact, _format(locale), group_separator=False))


def minor_units(text: str, currency: str, locale: str) -> int | None:
    """
    Return the minor units of an amount that was typed, or None where it could mean two amounts.

    `1.234` is 1,234 in Germany and hardly more than one elsewhere: it is read as the locale writes
    thousands, and where it does not, it is not guessed.
    """
    typed = re.sub(r"[\s']", "", text.translate(_ASCII))
    if not re.fullmatch(r"\d[\d.,]{0,20}", typed):
        return None
    whole, sign, fraction = _split(typed, _symbol(locale), _digits(currency))
    groups = re.split(r"[.,]", whole)
    grouped = all(len(group) == 3 for group in groups[1:]) and len(groups[0]) <= 3  # noqa: PLR2004
    if (
        (sign and not fraction)
        or len(fraction) > _digits(currency)
        or len(set(re.findall(r"[.,]", whole))) > 1
    ):
        return None
    if len(groups) > 1 and not grouped:
        return None
    return int(Decimal(f"{''.join(groups)}.{fraction or '0'}").scaleb(decimals(currency)))


#: Digits of a full-width keyboard, and its decimal signs.
_ASCII = {0xFF10 + digit: str(digit) for digit in range(10)} | {
    ord("\N{FULLWIDTH FULL STOP}"): ".",
    ord("\N{FULLWIDTH COMMA}"): ",",
    ord("\N{RIGHT SINGLE QUOTATION MARK}"): "",
}


def _split(typed: str, decimal: str, digits: int) -> tuple[str, str, str]:
    """Part an amount at its decimal sign, if one of its signs is that."""
    last = max(typed.rfind("."), typed.rfind(","))
    if last < 0:
        return typed, "", ""
    whole, sign, fraction = typed[:last], typed[last], typed[last + 1 :]
    both = "." in whole + sign and "," in whole + sign
    thousands = len(fraction) == 3 and not both and (whole.count(sign) or sign != decimal)  # noqa: PLR2004
    if (thousands or whole.count(sign)) and not (digits == 3 and both):  # noqa: PLR2004
        return typed, "", ""
    return whole, sign, fraction


def _symbol(locale: str) -> str:
    return str(_format(locale).number_symbols["latn"]["decimal"])


def _digits(currency: str) -> int:
    return 0 if currency in WHOLE_UNITS else decimals(currency)
