"""Requests as functions/openapi.json allows them, and such as nobody should send."""

import json
import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from hypothesis import strategies as st

from local.paths import ROOT
from payments.edge.roles import ROUTES
from tests.functions.refusals import PAN
from tests.functions.world import Json

DOCUMENT = json.loads((ROOT / "functions" / "openapi.json").read_text())
#: What JSON Schema cannot say: digits behind the point are counted, and Stripe began in 2010.
DECIMALS = 4
YEARS = (2011, 9998)
#: Texts that are texts all the same.
ODD = (
    "\u202e\u05e9\u05dc\u05d5\u05dd",
    "🌷🌷",
    "N° 1/2, a",
    "#1",
    "'; --",
    "Ada\u0301",
    "a" * 200,
    "\u00a0x",
)
#: What belongs nowhere, or only here and there.
NASTY: tuple[Any, ...] = (
    None, True, 0, -1, 1.0, 1.5, 10**30, "", " ", "\0", "\ud800", "x" * 2001, "1700000000",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30", "EUR", PAN, [], {},
    [[]], {"a": 1}, "../..", "sk_test_x", "#", "%00",
)  # fmt: skip
HEADERS = ("", "*", '"1", "2"', 'W/"1"', "é", "x" * 300, "k, k", '"99999999999999999999"')


@dataclass(frozen=True)
class Operation:
    """A route, and what the document says of it."""

    route: str
    shape: Json
    #: Names of path parameters, as the route writes them.
    names: tuple[str, ...] = ()

    def parameters(self, place: str) -> list[Json]:
        return [each for each in self.shape.get("parameters", []) if each["in"] == place]

    @property
    def body(self) -> Json | None:
        found = self.shape.get("requestBody")
        return found["content"]["application/json"]["schema"] if found else None


@dataclass(frozen=True)
class Asked:
    """A request: what is None is left out."""

    path: Json
    query: Json = field(default_factory=dict)
    headers: Json = field(default_factory=dict)
    body: Any = None


@cache
def operations() -> dict[str, Operation]:
    """Every route that takes a token, with its place in the document."""
    published = {
        (verb.upper(), re.sub("{[^}]*}", "{}", path)): shape
        for path, verbs in DOCUMENT["paths"].items()
        for verb, shape in verbs.items()
    }
    found = {}
    for route in ROUTES:
        verb, template = route.split(" ")
        names = tuple(re.findall(r"{(\w+)}", template))
        shape = published[verb, re.sub("{[^}]*}", "{}", template)]
        found[route] = Operation(route, shape, names)
    return found


def values(schema: Json, known: Json, name: str = "") -> st.SearchStrategy[Any]:
    """Return what a schema allows; where an id belongs, mostly one that is there."""
    if "$ref" in schema:
        return values(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]], known)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return st.one_of(values(each, known, name) for each in schema[word])
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    return _KINDS[schema["type"]](schema, known, name)


def _objects(schema: Json, known: Json, _: str) -> st.SearchStrategy[Any]:
    needed, parts = schema.get("required", []), schema.get("properties", {})
    made = {name: values(part, known, name) for name, part in parts.items()}
    return st.fixed_dictionaries(
        {name: made[name] for name in needed},
        optional={name: each for name, each in made.items() if name not in needed},
    )


def _arrays(schema: Json, known: Json, name: str) -> st.SearchStrategy[Any]:
    least = schema.get("minItems", 0)
    most = min(schema.get("maxItems", 3), least + 2)
    return st.lists(values(schema["items"], known, name), min_size=least, max_size=most)


def _integers(schema: Json, *_: Any) -> st.SearchStrategy[Any]:
    return st.integers(int(schema.get("minimum", -(10**9))), int(schema.get("maximum", 10**9)))


def _numbers(schema: Json, *_: Any) -> st.SearchStrategy[Any]:
    scale = 10**DECIMALS
    least, most = schema.get("minimum", 0), min(schema.get("maximum", 90), 90)
    return st.integers(int(least * scale), int(most * scale)).map(lambda each: each / scale)


def _texts(schema: Json, known: Json, name: str) -> st.SearchStrategy[Any]:
    times = (each for each in [schema.get("format")] if each)
    if written := next(times, None):
        return _DATES[written]
    pattern, least = schema.get("pattern"), schema.get("minLength", 0)
    most = schema.get("maxLength", 300)
    if name in known:
        return st.sampled_from(known[name])
    if pattern and not pattern.startswith("^[^\\x00"):
        # As the document's readers match: letters are ASCII, spaces are any, and `$` is the end.
        exact = re.compile(re.sub(r"\$$", r"\\Z", pattern), re.ASCII)
        spaced = "\\s" not in pattern
        return st.from_regex(exact).filter(
            lambda text: least <= len(text) <= most and (spaced or not re.search(r"\s", text))
        )
    odd = st.sampled_from([text for text in ODD if least <= len(text) <= most])
    plain = st.characters(exclude_categories=("Cs", "Cc"))
    return odd | st.text(plain, min_size=least, max_size=min(most, 40))


_DATES = {
    "date": st.dates().map(lambda day: day.isoformat()),
    "date-time": st.builds(
        lambda day, hour, zone: (
            f"{day.replace(year=YEARS[0] + day.year % 7000)}T{hour:02}:59:59{zone}"
        ),
        st.dates().filter(lambda day: (day.month, day.day) != (2, 29)),
        st.integers(0, 23),
        st.sampled_from(["Z", "+00:00", "+14:00", "-12:00", ".123456+05:45"]),
    ),
}
_KINDS: dict[str, Any] = {
    "object": _objects,
    "array": _arrays,
    "integer": _integers,
    "number": _numbers,
    "string": _texts,
    "boolean": lambda *_: st.booleans(),
    "null": lambda *_: st.none(),
}


def allowed(operation: Operation, known: Json) -> st.SearchStrategy[Asked]:
    """Return requests of a route that the document allows."""
    return st.builds(
        Asked,
        path=st.fixed_dictionaries(
            {name: st.sampled_from(known[name]) for name in operation.names}
        ),
        query=_filters(operation, known),
        headers=_guards(operation),
        body=values(operation.body, known) if operation.body else st.none(),
    )


def _filters(operation: Operation, known: Json) -> st.SearchStrategy[Json]:
    found = {
        each["name"]: values(each["schema"], known, each["name"]).filter(
            lambda one: one is not None
        )
        for each in operation.parameters("query")
    }
    return st.fixed_dictionaries({}, optional=found)


def _guards(operation: Operation) -> st.SearchStrategy[Json]:
    """Return the headers that the document names, and no others."""
    made = {
        "Idempotency-Key": st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=20),
        "If-Match": st.integers(1, 3).map(lambda version: f'"{version}"'),
    }
    named = operation.parameters("header")
    return st.fixed_dictionaries(
        {each["name"].lower(): made[each["name"]] for each in named if each["required"]},
        optional={
            each["name"].lower(): made[each["name"]] for each in named if not each["required"]
        },
    )


def forbidden(operation: Operation, known: Json) -> st.SearchStrategy[Asked]:
    """Return requests of a route in which something is out of place; some are allowed after all."""
    nasty = st.sampled_from(NASTY)
    texts = st.sampled_from(
        [each for each in NASTY if isinstance(each, str) and each.isprintable()]
    )
    names = [each["name"] for each in operation.parameters("query")] + ["surprise"]
    ids = st.sampled_from(["é", "a b", "x" * 65, "%00", "..", "a%2Fb", "İ", "#", "sk_live_x"])
    good = allowed(operation, known)
    ways = [
        st.builds(lambda one, name, each: replace(one, query=one.query | {name: each}),
                  good, st.sampled_from(names), texts),
        st.builds(lambda one, name, each: replace(one, headers=one.headers | {name: each}),
                  good, st.sampled_from(["if-match", "idempotency-key", "content-type"]),
                  st.sampled_from(HEADERS)),
    ]  # fmt: skip
    if operation.names:
        ways.append(
            st.builds(lambda one, name, each: replace(one, path=one.path | {name: each}),
                      good, st.sampled_from(operation.names), ids)
        )  # fmt: skip
    if operation.body:
        ways.append(st.builds(lambda one, each: replace(one, body=each), good, nasty))
        ways += [_spoiled(good, nasty)] * 4
    return st.one_of(ways)


@st.composite
def _spoiled(
    draw: st.DrawFn, good: st.SearchStrategy[Asked], nasty: st.SearchStrategy[Any]
) -> Asked:
    """Return a request with one place of its body spoiled, however deep."""
    one = draw(good)
    body = json.loads(json.dumps(one.body))
    part, parent, place = body, None, None
    while isinstance(part, dict | list) and part and (parent is None or draw(st.booleans())):
        parent = part
        places = [*part, "surprise"] if isinstance(part, dict) else list(range(len(part)))
        place = draw(st.sampled_from(places))
        part = parent.get(place) if isinstance(parent, dict) else parent[place]
    if parent is None:
        return replace(one, body=draw(nasty))
    parent[place] = draw(nasty)
    return replace(one, body=body)
