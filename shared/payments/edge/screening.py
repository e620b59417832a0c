"""Screen a request's bytes before anything else: JSON or not, how large, no card number."""

import json
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from payments.errors import MalformedJson, PanDetected, PayloadTooLarge

BODY_MAX = 64 * 1024
#: A payer's form has two short fields.
FORM_MAX = 2 * 1024
#: A route whose bodies carry files in base64; an invocation takes 6 MB.
LARGE = {"POST /v1/disputes/{id}/evidence": 6_200_000}
DEPTH_MAX = 10
DIGITS_MIN, DIGITS_MAX = 13, 19

# Every pattern takes linear time in the length of the text: each repetition is bounded.

#: What may separate a card number's digits: one or two spaces, dots or dashes, or a dash between
#: spaces.
_PARTED = "(?: - |[ .-]{1,2})"
_RUN = re.compile(f"[0-9]+(?:{_PARTED}[0-9]+)*")
_PART = re.compile(_PARTED)
#: What every card number contains and most texts do not; those need no closer look.
_LONG = re.compile("(?:[0-9](?: - |[ .-]{0,2})){12}[0-9]")
#: How the networks' numbers begin, each with its lengths. Luhn alone would refuse one in ten of all
#: long numbers: order ids of 13 digits, marketplaces' of 17 and 18, every telephone's IMEI.
_CARD = re.compile(
    "4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    "|5[1-5][0-9]{14}|(?:222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"
    "|220[0-4][0-9]{12,15}"  # Mir, after Mastercard
    "|3[47][0-9]{13}"  # American Express
    "|(?:30[0-59]|3[689][0-9])(?:[0-9]{11}|[0-9]{13}|[0-9]{16})"  # Diners Club
    "|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"  # JCB
    "|6(?:[0-9]{15}|[0-9]{18}|2[0-9]{15,16})"  # Discover, UnionPay, RuPay
    "|(?:50(?:18|20|38)|5893|6759|676[1-3])[0-9]{9,15}|6304[0-9]{10,15}"  # Maestro
    "|(?:5[0678]|6[37])(?:[0-9]{14}|[0-9]{17})"
)
_DINERS = re.compile("30[0-59]|3[689]")
#: How a Visa card of 13 digits is separated, if at all; a telephone number is not.
_OLD_VISA = {(4, 3, 3, 3), (4, 4, 4, 1), (13,), (1,) * 13}
#: Numbers that contain a card number by chance one time in a thousand: an id of ours, and a UUID
#: (RFC 9562) or a digest of 128, 160 or 256 bits. UUID and digest stand alone and need a letter
#: among their digits, or they are plain numbers.
_IDENTIFIER = re.compile(
    r"(?<![0-9a-z])(?:(?=[0-9-]{0,63}[a-f])"
    r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})"
    r"|[a-z]{3}_[0-7][0-9a-hjkmnp-tv-z]{25})"
    r"(?![0-9a-z])",
    re.IGNORECASE,
)
#: A character as JSON may escape it: its digits do not belong to the text.
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}")
#: A barcode (GTIN-13, GTIN-14), perhaps after its name, a bank account or reference (IBAN, ISO
#: 11649) and a Swiss payment reference as they are printed. Their own check digits prove them, of
#: which Luhn knows nothing.
_BARCODE = re.compile(
    r"(?:(\(01\)|\bgtin(?:-?14)?\b)[^0-9]{0,4})?(?<![0-9])([0-9]{13,14})(?![0-9])", re.IGNORECASE
)
_IBAN = re.compile(
    r"\b[A-Z]{2}[0-9]{2}(?:[ .-]?[A-Z0-9]{4}){2,7}(?:[ .-]?[A-Z0-9]{1,3})?\b", re.IGNORECASE
)
_SWISS = re.compile(r"(?<![0-9])[0-9]{2}(?: [0-9]{5}){5}(?![0-9])")
#: An order number of the largest marketplace, and a telephone number with its country.
_ORDER = re.compile(r"(?<![0-9])[0-9]{3}-[0-9]{7}-[0-9]{7}(?![0-9])")
_PHONE = re.compile(r"(?<![0-9+])(?:\+|00 )[0-9](?:[ ./()-]{0,2}[0-9]){6,12}(?![ .-]{0,2}[0-9])")
_IBAN_PARTS = re.compile("[ .-]")
#: The recursive check of Swiss references: the next carry, by the one before and a digit.
_SWISS_TABLE = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5)
#: What other scripts' characters stand for here, by kind: spaces, dashes, and invisible ones.
_KINDS = {"Zs": " ", "Cc": " ", "Pd": "-", "Cf": ""}
_DOTS = frozenset("\u00b7\u2022\u2024\u2027\u2219\u22c5\u3002\uff0e\uff61")
_FOREIGN = re.compile(r"[^\x00-\x7f]|\t|\\t")


def require_small(body: str, route: str = "", *, most: int = BODY_MAX) -> None:
    """Refuse a body over 64 KB, or over its route's own limit."""
    most = LARGE.get(route, most)
    if len(body) > most:
        raise PayloadTooLarge(f"A body may have {most} characters.")


def require_no_pan(*texts: str) -> None:
    """Refuse a card number anywhere; the refusal never names it, and nothing keeps it."""
    if any(map(has_pan, texts)):
        raise PanDetected(
            "The request holds what looks like a card number. Card numbers go to Stripe only."
        )


def has_pan(text: str) -> bool:
    """Whether anything like a card number stands anywhere in a text."""
    folded = _folded(text)
    return bool(_LONG.search(folded)) and any(map(_is_card, _numbers(_bare(folded))))


def parse(body: str) -> Any:
    """
    Return the JSON of a body.

    Refuse values that JSON does not know, double names and unlimited nesting.
    """
    try:
        document = _STRICT.decode(body)
        depth = _depth(document)
    except (ValueError, RecursionError):
        raise MalformedJson("The body is not well-formed JSON.") from None
    if depth > DEPTH_MAX:
        raise MalformedJson(f"The body is nested more than {DEPTH_MAX} deep.")
    return document


def _folded(text: str) -> str:
    """Return the text with the digits, spaces, dots and dashes of every script in ASCII."""
    if text.isascii() and "\t" not in text and r"\t" not in text:
        return text
    return _FOREIGN.sub(_fold, text)


def _fold(found: re.Match[str]) -> str:
    return " " if found[0] == r"\t" else _plain(found[0])


@lru_cache(4096)
def _plain(character: str) -> str:
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    if character in _DOTS:
        return "."
    return _KINDS.get(unicodedata.category(character), character)


def _bare(text: str) -> str:
    """Return the text without numbers that are known not to be a card's."""
    text = _IDENTIFIER.sub("id", _ESCAPE.sub("u", text))
    text = _ORDER.sub("id", _PHONE.sub("id", text))
    text = _SWISS.sub(_without_swiss, _IBAN.sub(_without_iban, text))
    return _BARCODE.sub(_without_barcode, text)


def _without_iban(found: re.Match[str]) -> str:
    """Return what is left of a match: a word after the account number may look like its part."""
    words = _IBAN_PARTS.split(found[0])
    for end in range(len(words), 0, -1):
        if _is_iban("".join(words[:end])):
            return " ".join(["id", *words[end:]])
    return found[0]


def _without_swiss(found: re.Match[str]) -> str:
    carry = 0
    for digit in found[0].replace(" ", ""):
        carry = _SWISS_TABLE[(carry + int(digit)) % 10]
    return found[0] if carry else "id"


def _without_barcode(found: re.Match[str]) -> str:
    """Return what is left of a match; a bare number stays, since a Diners card has 14 digits."""
    label, digits = found.groups()
    is_bare_diners = len(digits) > DIGITS_MIN and not label and _DINERS.match(digits)
    return "id" if _is_gtin(digits) and not is_bare_diners else found[0]


def _is_iban(text: str) -> bool:
    return int("".join(str(int(letter, 36)) for letter in text[4:] + text[:4])) % 97 == 1


def _is_gtin(digits: str) -> bool:
    weighed = (int(digit) * (1, 3)[place % 2] for place, digit in enumerate(reversed(digits)))
    return sum(weighed) % 10 == 0


def _numbers(text: str) -> Iterator[list[str]]:
    """Yield neighbouring groups of digits: an expiry date may stand beside a card."""
    for run in _RUN.findall(text):
        if len(run) < DIGITS_MIN:
            continue
        groups = _PART.split(run)
        for start in range(len(groups)):
            yield from _together(groups, start)


def _together(groups: list[str], start: int) -> Iterator[list[str]]:
    """Yield the runs of groups from `start` that have as many digits as a card."""
    length = 0
    for end in range(start, len(groups)):
        length += len(groups[end])
        if length > DIGITS_MAX:
            return
        if length >= DIGITS_MIN:
            yield groups[start : end + 1]


def _is_card(groups: list[str]) -> bool:
    number = "".join(groups)
    if not _CARD.fullmatch(number) or not _luhn(number):
        return False
    is_old_visa = len(number) == DIGITS_MIN and number[0] == "4"
    return not is_old_visa or tuple(map(len, groups)) in _OLD_VISA


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
