"""Currencies: which exist, how many decimals, and the smallest and largest charge."""

from __future__ import annotations

from local.standin.engine.errors import InvalidRequest

ZERO_DECIMAL = frozenset({
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
})  # fmt: skip
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
# Without decimals in use, yet written with two of them for compatibility.
WHOLE_ONLY = frozenset({"isk", "ugx"})
# Charged with two decimals, and paid out without.
PAID_OUT_WHOLE = frozenset({"huf", "twd"})
TWO_DECIMAL = frozenset({
    "usd", "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd",
    "bdt", "bgn", "bmd", "bnd", "bob", "brl", "bsd", "bwp", "byn", "bzd", "cad", "cdf", "chf",
    "cny", "cop", "crc", "cve", "czk", "dkk", "dop", "dzd", "egp", "etb", "eur", "fjd", "fkp",
    "gbp", "gel", "gip", "gmd", "gtq", "gyd", "hkd", "hnl", "hrk", "htg", "huf", "idr", "ils",
    "inr", "jmd", "kes", "kgs", "khr", "kyd", "kzt", "lak", "lbp", "lkr", "lrd", "lsl", "mad",
    "mdl", "mkd", "mmk", "mnt", "mop", "mur", "mvr", "mwk", "mxn", "myr", "mzn", "nad", "ngn",
    "nio", "nok", "npr", "nzd", "pab", "pen", "pgk", "php", "pkr", "pln", "qar", "ron", "rsd",
    "rub", "sar", "sbd", "scr", "sek", "sgd", "shp", "sle", "sos", "srd", "std", "szl", "thb",
    "tjs", "top", "try", "ttd", "twd", "tzs", "uah", "uyu", "uzs", "wst", "xcd", "xcg", "yer",
    "zar", "zmw",
})  # fmt: skip
ALL = ZERO_DECIMAL | THREE_DECIMAL | TWO_DECIMAL | WHOLE_ONLY
MINIMUM = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200,
    "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip
DIGITS_MAX = 8
#: Where a unit is small, more of it is taken at once.
MORE_DIGITS = {"idr": 12}
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def decimals(currency: str) -> int:
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def shown(amount: int, currency: str) -> str:
    places = decimals(currency)
    number = f"{amount / 10**places:,.{places}f}"
    symbol = SYMBOLS.get(currency)
    return f"{symbol}{number}" if symbol else f"{number} {currency.upper()}"


def require_currency(currency: str, param: str = "currency") -> str:
    lower = currency.lower()
    if lower not in ALL:
        raise InvalidRequest(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: "
            f"{', '.join(sorted(ALL))}",
            param=param,
        )
    return lower


def require_step(amount: int, currency: str, param: str = "amount") -> None:
    """Refuse fractions of a currency's smallest coin, which some are written with all the same."""
    step = 100 if currency in WHOLE_ONLY else 10 if currency in THREE_DECIMAL else 1
    if amount % step:
        raise InvalidRequest(
            f"Invalid amount: amounts in {currency.upper()} must be divisible by {step}.",
            code="parameter_invalid_integer",
            param=param,
        )


def require_amount(amount: int, currency: str, param: str = "amount") -> None:
    """Refuse what cannot be charged: nothing, fractions of whole currencies, dust, fortunes."""
    if amount < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param=param,
        )
    require_step(amount, currency, param)
    smallest = MINIMUM.get(currency, 1)
    if amount < smallest:
        raise InvalidRequest(
            f"Amount must be at least {shown(smallest, currency)} {currency}",
            code="amount_too_small",
            param=param,
        )
    digits = MORE_DIGITS.get(currency, DIGITS_MAX)
    if amount >= 10**digits:
        largest = shown(10**digits - 1, currency)
        raise InvalidRequest(
            f"Amount must be no more than {largest} {currency}",
            code="amount_too_large",
            param=param,
        )
