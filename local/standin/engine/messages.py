"""What goes in and what comes out, whichever transport carries it."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson

Json = dict[str, Any]


class Request(NamedTuple):
    """One HTTP request; header names are lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""


@dataclass
class Answer:
    """One HTTP answer; `lost` means that the connection ends without it."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


def json_answer(status: int, content: object, **headers: str) -> Answer:
    """Write it over lines, as Stripe does."""
    text = orjson.dumps(content, option=orjson.OPT_INDENT_2)
    return Answer(status, text, {"Content-Type": "application/json", **headers})


def html_answer(status: int, page: str) -> Answer:
    return Answer(status, page.encode(), {"Content-Type": "text/html; charset=utf-8"})


def redirect(location: str) -> Answer:
    """Lead there; what an address has besides ASCII is encoded, as a browser would do."""
    return Answer(303, b"", {"Location": quote(location, safe=string.punctuation)})
