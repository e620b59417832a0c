"""What a list asks of objects: conditions, each a path in the object, an operator and a value."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from local.standin.engine.messages import Json

#: Of nothing nothing is true, as in SQL: only `IS` and `IS NOT` are asked about it.
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda actual, wanted: actual is not None and actual == wanted,
    ">": lambda actual, wanted: actual is not None and actual > wanted,
    ">=": lambda actual, wanted: actual is not None and actual >= wanted,
    "<": lambda actual, wanted: actual is not None and actual < wanted,
    "<=": lambda actual, wanted: actual is not None and actual <= wanted,
    "IN": lambda actual, wanted: actual in wanted,
    "IS": lambda actual, wanted: actual is wanted,
    "IS NOT": lambda actual, wanted: actual is not wanted,
    "GLOB": lambda actual, wanted: actual is not None and fnmatchcase(actual, wanted),
}
Condition = tuple[str, str, Any]
Test = tuple[str, Callable[[Any, Any], bool], Any]


def value_at(obj: Json, path: str) -> Any:
    here: Any = obj
    for step in path.split("."):
        here = here.get(step) if isinstance(here, dict) else None
    return here


def meets(tests: list[Test], look_up: Callable[[str], Any]) -> bool:
    return all(holds(look_up(path), wanted) for path, holds, wanted in tests)


def test_of(condition: Condition) -> Test:
    path, operator, value = condition
    return path, OPERATORS[operator], frozenset(value) if operator == "IN" else value
