"""The ways in which people write a currency beside an amount: code, sign, name."""

from functools import lru_cache

from babel.numbers import get_currency_name, get_currency_symbol

from payments.wording.locales import _format

#: A country's own signs, where a locale abroad writes another one or the code.
_AT_HOME = {
    "aed": "د.إ Dhs", "ars": "$", "aud": "$ A$ AU$", "bdt": "৳", "bob": "Bs", "brl": "R$",
    "cad": "$ C$ CA$ Can$", "chf": "Fr Fr. SFr SFr.", "clp": "$", "cny": "¥ 元 RMB CN¥",
    "cop": "$", "crc": "₡", "czk": "Kč", "dkk": "kr kr.", "dop": "RD$", "egp": "E£ ج.م", "eur": "€",
    "gbp": "£", "gel": "₾", "ghs": "₵", "hkd": "$ HK$", "huf": "Ft", "idr": "Rp Rp.", "ils": "₪",
    "inr": "₹ Rs Rs.", "isk": "kr kr.", "jpy": "¥ 円", "kes": "KSh", "khr": "៛", "krw": "₩ 원",
    "kzt": "₸", "lak": "₭", "lkr": "Rs Rs.", "mad": "د.م. DH", "mnt": "₮", "mur": "Rs Rs.",
    "mxn": "$ MX$ Mex$", "myr": "RM", "ngn": "₦", "nok": "kr kr.", "npr": "Rs Rs. रु",
    "nzd": "$ NZ$", "pen": "S/", "php": "₱", "pkr": "Rs Rs.", "pln": "zł", "pyg": "₲",
    "ron": "lei leu", "rsd": "din din.", "rub": "₽", "sar": "ر.س SR", "sek": "kr kr.",
    "sgd": "$ S$", "thb": "฿ บาท", "try": "₺ TL", "twd": "$ NT$ 元", "uah": "₴", "usd": "$ US$",
    "uyu": "$ $U", "vnd": "₫ đ", "xaf": "FCFA", "xof": "CFA", "zar": "R",
}  # fmt: skip


@lru_cache(maxsize=256)
def signs_of(currency: str, locale: str) -> tuple[str, ...]:
    """
    Return what names a currency beside an amount, in lower case, longest first.

    A sign that the reader's country gives to another currency is left out: for a Canadian, `$` does
    not mean US dollars.
    """
    home = {
        sign
        for sign in _AT_HOME.get(currency, "").split()
        if not any(_written(other, locale) == sign for other in _sharing(sign) - {currency})
    }
    names = {get_currency_name(currency.upper(), count, _format(locale)) for count in (1, 2)}
    found = {currency, _written(currency, locale), *home, *names}
    return tuple(sorted({each.lower() for each in found}, key=lambda each: (-len(each), each)))


def _sharing(sign: str) -> set[str]:
    return {currency for currency, signs in _AT_HOME.items() if sign in signs.split()}


def _written(currency: str, locale: str) -> str:
    return str(get_currency_symbol(currency.upper(), _format(locale)))
