"""
Look at a request's bytes before anything else does.

JSON or not, how large, and no card number in it.
"""

import json
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from payments.errors import MalformedJson, PanDetected, PayloadTooLarge

BODY_MAX = 64 * 1024
#: A route whose bodies carry files in base64; what an invocation takes is 6 MB.
LARGE = {"POST /v1/disputes/{id}/evidence": 6_200_000}
DEPTH_MAX = 10
DIGITS_MIN, DIGITS_MAX = 13, 19

#: Digits, perhaps grouped by single spaces or dashes.
_RUN = re.compile(r"\d+(?:[ -]\d+)*")
#: What every card number holds, and most texts do not: those are not looked at any closer.
_LONG = re.compile(r"(?:\d[ -]?){12}\d")
#: How the networks' numbers begin, each with the lengths that it gives out. Luhn alone would stop
#: one in ten of all long numbers, and every telephone's IMEI.
_CARD = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]|2[2-7])\d{14}"  # Mastercard
    r"|220[0-4]\d{12,15}"  # Mir
    r"|3[47]\d{13}"  # American Express
    r"|3[0689]\d{12,17}"  # Diners Club
    r"|35\d{14,17}"  # JCB
    r"|6\d{15,18}"  # Discover, UnionPay, RuPay
    r"|(?:5[0678]|6[37])\d{11,17}"  # Maestro
)
#: What one in a thousand times holds what passes for a card number, standing alone: a UUID (RFC
#: 9562) or a digest of 128, 160 or 256 bits, with a letter among the digits, or it is a number
#: after all; and an id of ours.
_IDENTIFIER = re.compile(
    r"(?<![0-9a-z])(?:(?=[0-9-]*[a-f])"
    r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})"
    r"|[a-z]{3}_[0-7][0-9a-hjkmnp-tv-z]{25})"
    r"(?![0-9a-z])",
    re.IGNORECASE,
)
#: A character as JSON may write it: its digits are none of the text's.
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}")
#: A barcode (GTIN-13), or a bank account or reference (IBAN, ISO 11649) as it is printed: both
#: prove themselves by check digits, of which Luhn knows nothing.
_BARCODE = re.compile(r"(?<!\d)\d{13}(?!\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")


def require_small(body: str, route: str = "") -> None:
    """Refuse a body over 64 KB, or over what its route takes."""
    most = LARGE.get(route, BODY_MAX)
    if len(body) > most:
        raise PayloadTooLarge(f"A body may have {most} characters.")


def require_no_pan(*texts: str) -> None:
    """Refuse a card number wherever it stands; it is named nowhere and kept nowhere."""
    long = [text for text in texts if _LONG.search(text)]
    numbers = (number for text in long for number in _numbers(_bare(text)))
    if any(_CARD.fullmatch(number) and _luhn(number) for number in numbers):
        raise PanDetected(
            "The request holds what looks like a card number. Card numbers go to Stripe only."
        )


def parse(body: str) -> Any:
    """
    Return the JSON of a body.

    Refuse what JSON does not know, names twice, or nests without end.
    """
    try:
        document = _STRICT.decode(body)
        depth = _depth(document)
    except (ValueError, RecursionError):
        raise MalformedJson("The body is not well-formed JSON.") from None
    if depth > DEPTH_MAX:
        raise MalformedJson(f"The body is nested more than {DEPTH_MAX} deep.")
    return document


def _bare(text: str) -> str:
    """Return the text without numbers that are known to be something else than a card's."""
    text = _IDENTIFIER.sub("id", _ESCAPE.sub("u", text))
    text = _IBAN.sub(_without_iban, text)
    return _BARCODE.sub(lambda found: "id" if _is_gtin(found[0]) else found[0], text)


def _without_iban(found: re.Match[str]) -> str:
    """Return what is left of a match: a word behind the account number may look like its part."""
    words = found[0].split(" ")
    for end in range(len(words), 0, -1):
        if _is_iban("".join(words[:end])):
            return " ".join(["id", *words[end:]])
    return found[0]


def _is_iban(text: str) -> bool:
    return int("".join(str(int(letter, 36)) for letter in text[4:] + text[:4])) % 97 == 1


def _is_gtin(digits: str) -> bool:
    return sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(digits)) % 10 == 0


def _numbers(text: str) -> Iterator[str]:
    """Yield what neighbouring groups of digits make together: an expiry may stand beside a card."""
    for run in _RUN.findall(text):
        if len(run) < DIGITS_MIN:
            continue
        groups = re.split("[ -]", run)
        for start in range(len(groups)):
            yield from accumulate(groups[start : start + DIGITS_MAX])


def _luhn(number: str) -> bool:
    digits = [int(character) for character in reversed(number)]
    doubled = (digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[1::2])  # noqa: PLR2004
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("duplicate name")
    return document


_STRICT = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_no_duplicates)


def _depth(document: Any) -> int:
    if isinstance(document, dict):
        return 1 + max(map(_depth, document.values()), default=0)
    if isinstance(document, list):
        return 1 + max(map(_depth, document), default=0)
    return 0
