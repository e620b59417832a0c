"""
Whatever meets a text from outside takes time in proportion to its length.

Every pattern is found, in whatever module it is compiled or written, and given texts that repeat
what patterns stumble over. A text of twice the length may take twice the time, not four times.
"""

import ast
import base64
import contextlib
import importlib
import json
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs

import pytest

import payments
from payments.cases.webhooks import intake
from payments.doors import mail
from payments.doors.stripe_api import describing
from payments.edge import addresses, arriving, auditing, screening, times
from payments.errors import PaymentsError
from payments.facts import email_address, origin, subscription
from payments.wording import reading

ROOT = Path(__file__).parents[2]
LENGTH = 5_000
#: Faster than this at twice the length nothing is but what is linear.
SURELY_LINEAR_S = 0.03
RATIO_MAX = 3.2
COMPILING = {
    "compile",
    "match",
    "search",
    "fullmatch",
    "sub",
    "subn",
    "split",
    "findall",
    "finditer",
}
#: What a text repeats; each is also put behind another beginning and before another end.
UNITS = (
    "1", "1-", "1 ", "1.", "a", "a1", "A1", "AA00 ", "AA00AAAA", "4242 ", "12345 ", "+1", "\u0663",
    "\uff14", " ", "-", ".", "@", "a@", "a.", "a-", "/", "?", "=", "&", ";", ",", "'", '"', "(",
    "\n", "\\u0031", "%41", "q=0.", "de,", "https://", "https://a.", "sk_test_", "(01)", "t=1,",
    "v1=a,",
)  # fmt: skip
AROUND = (("", ""), ("https://a", "!"))


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(payments.__path__, "payments."):
        yield importlib.import_module(found.name)
    for path in sorted((ROOT / "functions").glob("*.py")):
        yield importlib.import_module(path.stem)


def held_by(value: object) -> Iterator[re.Pattern[str]]:
    """The patterns that a module's or a class's name holds, in a table too."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from held_by(entry)
    elif isinstance(value, list | tuple | set | frozenset):
        for entry in value:
            yield from held_by(entry)


def compiled(module: ModuleType) -> Iterator[re.Pattern[str]]:
    for value in vars(module).values():
        yield from held_by(value)
        if isinstance(value, type) and value.__module__ == module.__name__:
            for entry in list(vars(value).values()):
                yield from held_by(entry)


def written(module: ModuleType) -> Iterator[tuple[str, ast.expr]]:
    """The patterns that a module's code gives to `re` itself, or to pydantic."""
    tree = ast.parse(Path(str(module.__file__)).read_text())
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name.startswith("re.") and name.removeprefix("re.") in COMPILING:
            yield name, node.args[0]
        yield from (
            (f"{name}(pattern=)", keyword.value)
            for keyword in node.keywords
            if keyword.arg == "pattern"
        )


def read(module: ModuleType, found: ast.expr) -> str:
    """What a pattern's expression comes to, by the module's own names."""
    code = compile(ast.Expression(found), module.__name__, "eval")
    return str(eval(code, dict(vars(module))))  # noqa: S307 - our own source


def locals_of(module: ModuleType, found: ast.expr) -> set[tuple[str, str]]:
    """What a pattern's expression names that is no name of its module."""
    named = {node.id for node in ast.walk(found) if isinstance(node, ast.Name)}
    return {(module.__name__, name) for name in named - vars(module).keys()}


def patterns() -> dict[str, re.Pattern[str]]:
    every = {}
    for module in modules():
        for found in compiled(module):
            every[found.pattern, found.flags] = f"{module.__name__}: {found.pattern[:40]}"
        for name, expression in written(module):
            if not isinstance(expression, ast.Constant | ast.JoinedStr | ast.Name):
                continue
            local = locals_of(module, expression)
            assert local <= GIVEN, (module.__name__, name)
            if not local:
                text = read(module, expression)
                every.setdefault((text, re.compile(text).flags), f"{module.__name__}: {text[:40]}")
    return {f"{name} {flags}": re.compile(text, flags) for (text, flags), name in every.items()}


#: What a function makes a pattern of: each caller's is a name of its module, below.
#: A currency's own signs and digits are matched against 80 characters at most: `minor_units`.
GIVEN = {
    ("payments.edge.rates", "pattern"),
    ("payments.wording.reading", "names"),
    ("payments.wording.reading", "digits"),
}


def ways(found: re.Pattern[str]) -> dict[str, Callable[[str], object]]:
    return {
        "whole": found.fullmatch,
        "all": lambda text: sum(1 for _ in found.finditer(text)),
    }


def seconds(work: Callable[[str], object], text: str, tries: int = 1) -> float:
    taken = []
    for _ in range(tries):
        begun = time.process_time()
        with contextlib.suppress(PaymentsError, ValueError, mail.NotSent):
            work(text)
        taken.append(time.process_time() - begun)
    return min(taken)


def repeated(unit: str, length: int) -> Iterator[str]:
    for before, behind in AROUND:
        yield before + unit * (length // len(unit)) + behind


def too_slow(work: Callable[[str], object]) -> list[str]:
    """The first of the repeated texts whose double takes much more than twice the time."""
    for unit in UNITS:
        for short, long in zip(repeated(unit, LENGTH), repeated(unit, 2 * LENGTH), strict=True):
            if seconds(work, long) < SURELY_LINEAR_S:
                continue
            # The collector may have run meanwhile: the best of several counts.
            ratio = seconds(work, long, 3) / max(seconds(work, short, 3), 1e-6)
            if ratio > RATIO_MAX and seconds(work, long, 3) > SURELY_LINEAR_S:
                return [f"{unit!r}: {ratio:.1f}"]
    return []


EVERY = patterns()


@pytest.mark.parametrize("name", EVERY)
def test_a_pattern_is_linear_in_the_length_of_its_text(name: str) -> None:
    slow = {way: too_slow(work) for way, work in ways(EVERY[name]).items()}

    assert not any(slow.values()), slow


def test_every_pattern_is_found() -> None:
    assert screening._IDENTIFIER in EVERY.values()
    assert email_address._LOCAL in EVERY.values()
    assert f"^{arriving.NAME}$" in {found.pattern for found in EVERY.values()}
    assert len(EVERY) > 40


def test_a_pattern_that_is_quadratic_is_noticed() -> None:
    assert too_slow(re.compile("(?<![0-9a-z])(?=[0-9-]*[a-f])x").search)


def as_form(text: str) -> object:
    return parse_qs(text, keep_blank_values=True)


def as_request(text: str) -> object:
    """A body with its address, as every route takes it."""
    encoded = base64.b64encode(json.dumps({"a": text}).encode()).decode()
    return arriving.screen(
        {
            "routeKey": "POST /v1/invoices",
            "rawPath": f"/v1/invoices/{text}",
            "rawQueryString": f"a={text}",
            "requestContext": {"http": {"method": "POST"}},
            "headers": {"content-type": "application/json"},
            "body": encoded,
            "isBase64Encoded": True,
        }
    )


def as_signature(text: str) -> object:
    return intake.verify(text.encode(), text, {"current": "x"}, datetime.now(UTC))


PARSERS: dict[str, Callable[[str], Any]] = {
    "a request": as_request,
    "the card numbers' screen": screening.require_no_pan,
    "JSON": screening.parse,
    "JSON in a text": lambda text: screening.parse(json.dumps([text] * 2)),
    "a form": as_form,
    "money as it is typed": lambda text: reading.minor_units(text, "eur", "en"),
    "languages": reading.preferred,
    "an address of the mail": mail._address,
    "an address, wherever it is written": email_address.accepted,
    "a line of a mail": lambda text: mail._line(text, mail.SUBJECT_MAX),
    "a subscription's address": lambda text: subscription.require_address(text, local=True),
    "a name in the audit trail": auditing._shown,
    "a caller's network": auditing._network,
    "an address in a CDN's header": addresses._address,
    "a day": times._require_written,
    "a webhook's signature": as_signature,
    "a webhook's body": json.loads,
    "an invoice's number on a statement": describing.statement_suffix,
    "evidence in base64": lambda text: base64.b64decode(text, validate=True),
}
#: What reads an origin or an address to come back to.
PARSERS |= {
    f"origin.{name}": value
    for name, value in vars(origin).items()
    if callable(value) and getattr(value, "__module__", "") == origin.__name__ and "of" in name
}


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_is_linear_in_the_length_of_its_text(name: str) -> None:
    assert not too_slow(PARSERS[name])
