"""Decoding of Stripe's form encoding: `a[b][0]=c`."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from local.standin.engine.messages import Json

PARTS = re.compile(r"\[([^\[\]]*)\]")


def decode(text: str) -> Json:
    """Leave lists as dicts keyed by index; only the parameter table knows a list from a hash."""
    decoded: Json = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        place(decoded, name, value)
    return decoded


def place(decoded: Json, name: str, value: str) -> None:
    head, bracket, _ = name.partition("[")
    keys = [head, *PARTS.findall(name)] if bracket else [name]
    here: Any = decoded
    for key in keys[:-1]:
        below = here.setdefault(key or str(len(here)), {})
        if not isinstance(below, dict):
            below = here[key] = {}
        here = below
    here[keys[-1] or str(len(here))] = value
