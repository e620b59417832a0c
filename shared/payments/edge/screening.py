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
#: How a card number of 13 to 19 digits begins. Luhn alone would also stop one in ten millisecond
#: timestamps; no card network's numbers begin with 1, 2 or 7 to 9 but for a part of Mastercard's,
#: which begin with 2 and are matched by their range.
_CARD = re.compile(r"(?:[3-6]\d|2[2-7])\d{11,17}")
#: A UUID (RFC 9562) or a digest of 128, 160 or 256 bits, standing alone: one in a thousand of them
#: holds what passes for a card number. A letter is among the digits, or it is a number after all.
_HEXADECIMAL = re.compile(
    r"(?<![0-9a-z])(?=[0-9-]*[a-f])"
    r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})"
    r"(?![0-9a-z])",
    re.IGNORECASE,
)


def require_small(body: str, route: str = "") -> None:
    """Refuse a body over 64 KB, or over what its route takes."""
    most = LARGE.get(route, BODY_MAX)
    if len(body) > most:
        raise PayloadTooLarge(f"A body may have {most} characters.")


def require_no_pan(*texts: str) -> None:
    """Refuse a card number wherever it stands; it is named nowhere and kept nowhere."""
    numbers = (number for text in texts for number in _numbers(_HEXADECIMAL.sub("id", text)))
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
