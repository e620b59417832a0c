"""Read what a payer's browser asks for and a payer types: languages and amounts."""

import re
import unicodedata
from copy import copy
from decimal import Decimal

from payments.money import WHOLE_UNITS, decimals
from payments.wording.locales import (
    LANGUAGES,
    _format,
    decimal_sign,
    known,
    with_decimal_sign,
)
from payments.wording.signs import signs_of

_TAG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
#: No person has a longer list.
_TAGS_MAX = 20


def preferred(accepted: str | None, otherwise: str | None = None) -> str:
    """Return the first locale in an Accept-Language header that has texts."""
    wishes = []
    for place, wish in enumerate((accepted or "").split(",")[:_TAGS_MAX]):
        tag, _, weight = wish.strip().partition(";")
        if _TAG.fullmatch(tag) and tag.partition("-")[0].lower() in LANGUAGES:
            wishes.append((-_weight(weight), place, tag))
    return known(min(wishes)[2] if wishes and min(wishes)[0] < 0 else otherwise)


def _weight(text: str) -> Decimal:
    """Return how much a language is wanted; an unreadable weight counts as none."""
    if not text:
        return Decimal(1)
    found = re.fullmatch(r"\s{0,9}q=([01](?:\.\d{0,3})?)\s{0,9}", text)
    return Decimal(found[1]) if found else Decimal(0)


def plain(minor: int, currency: str, locale: str) -> str:
    """Return an amount as a person types it: digits and a decimal sign, nothing else."""
    digits = _digits(currency)
    pattern = copy(_format(locale).decimal_formats[None])
    pattern.frac_prec = (digits, digits)
    exact = Decimal(minor).scaleb(-decimals(currency))
    written = str(pattern.apply(exact, _format(locale), group_separator=False))
    return with_decimal_sign(written, locale)


#: A longer text is no amount.
_TYPED_MAX = 80


def minor_units(text: str, currency: str, locale: str) -> int | None:
    """
    Return the minor units of a typed amount, or None where it could mean two amounts.

    The currency's sign, code or name may stand before it, behind it or in place of the decimal
    sign; digits of any script are read. `1.234` is 1,234 in Germany and hardly more than one
    elsewhere. It is read as the locale writes thousands; where the locale does not, it is not
    guessed.
    """
    typed = _bare(_plain(text[: _TYPED_MAX + 1]), currency, locale)
    if len(text) > _TYPED_MAX or not re.fullmatch(r"\d[\d., ]{0,25}", typed):
        return None
    whole, sign, fraction = _split(typed, decimal_sign(locale), _digits(currency))
    if (sign and not re.fullmatch(r"\d+", fraction)) or len(fraction) > _digits(currency):
        return None
    if not _GROUPED.fullmatch(whole):
        return None
    units = re.sub("[., ]", "", whole)
    return int(Decimal(f"{units}.{fraction or '0'}").scaleb(decimals(currency)))


#: Digits alone, in threes behind one sign, or as India groups them.
_GROUPED = re.compile(r"\d+|\d{1,3}([., ])\d{3}(?:\1\d{3})*|\d{1,2}([., ])(?:\d\d\2)+\d{3}")
#: What stands between thousands everywhere, and Arabic's decimal sign.
_SIGNS = dict.fromkeys("'\N{RIGHT SINGLE QUOTATION MARK}\N{ARABIC THOUSANDS SEPARATOR}", " ") | {
    "\N{ARABIC DECIMAL SEPARATOR}": "."
}


def _plain(text: str) -> str:
    """Return the typed text with ASCII digits and signs and plain blanks."""
    made = []
    for letter in text:
        if unicodedata.decomposition(letter).startswith("<wide>"):
            made.append(unicodedata.normalize("NFKC", letter))
        elif letter.isspace() or letter in _SIGNS:
            made.append(_SIGNS.get(letter, " "))
        elif unicodedata.category(letter) != "Cf":
            made.append(str(unicodedata.decimal(letter, letter)))
    return "".join(made).strip().lower()


def _bare(typed: str, currency: str, locale: str) -> str:
    """Return an amount without its currency, and without the dash of a price in whole units."""
    names = "|".join(map(re.escape, map(_plain, signs_of(currency, locale))))
    digits = _digits(currency)
    if digits and (found := re.fullmatch(rf"(\d+) ?(?:{names}) ?(\d{{{digits}}})", typed)):
        return f"{found[1]}{decimal_sign(locale)}{found[2]}"
    found = re.fullmatch(rf"(?:(?:{names}) ?)?(\d.*?)(?: ?(?:{names}))?", typed)
    return re.sub(r"(?<=\d)[.,][-\N{EN DASH}\N{EM DASH}]{1,2}$", "", found[1]) if found else ""


def _split(typed: str, decimal: str, digits: int) -> tuple[str, str, str]:
    """Split an amount at its decimal sign, if one of its signs is that."""
    last = max(typed.rfind("."), typed.rfind(","))
    if last < 0:
        return typed, "", ""
    whole, sign, fraction = typed[:last], typed[last], typed[last + 1 :]
    both = "." in whole + sign and "," in whole + sign
    thousands = len(fraction) == 3 and not both and (whole.count(sign) or sign != decimal)  # noqa: PLR2004
    if (thousands or whole.count(sign)) and not (digits == 3 and both):  # noqa: PLR2004
        return typed, "", ""
    return whole, sign, fraction


def _digits(currency: str) -> int:
    return 0 if currency in WHOLE_UNITS else decimals(currency)
