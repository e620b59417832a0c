"""Decoding of Stripe's form encoding: `a[b][0]=c`."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote_plus

from local.standin.engine.messages import Json

PARTS = re.compile(r"\[([^\[\]]*)\]")


def decode(text: str) -> Json:
    """Leave lists as dicts keyed by index; only the parameter table knows a list from a hash."""
    decoded: Json = {}
    for field in text.split("&") if text else ():
        name, _, value = field.partition("=")
        if "%" in value or "+" in value:
            value = unquote_plus(value)
        if field:
            *folders, last = keys_of(name)
            here = opened(decoded, folders) if folders else decoded
            here[last or str(len(here))] = value
    return decoded


@lru_cache(maxsize=4096)
def keys_of(name: str) -> tuple[str, ...]:
    head, bracket, rest = unquote_plus(name).partition("[")
    return (head, *PARTS.findall(bracket + rest))


def opened(decoded: Json, folders: list[str]) -> Json:
    here = decoded
    for key in folders:
        below = here.setdefault(key or str(len(here)), {})
        if not isinstance(below, dict):
            below = here[key] = {}
        here = below
    return here
