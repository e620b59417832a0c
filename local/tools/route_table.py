"""Write the README's table of functions and their routes anew, from template.yaml."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from local.paths import ROOT, TEMPLATE

README = ROOT / "README.md"
BEGIN, END = "<!-- routes: written by `make openapi` -->", "<!-- routes end -->"
HEAD = "| function | what it does | routes |\n|---|---|---|\n"


@dataclass(frozen=True)
class Served:
    """A function of the template, and the routes that API Gateway sends to it."""

    function: str
    description: str
    routes: tuple[str, ...]


class _Loader(yaml.SafeLoader):
    """Reads a template without resolving its references."""


_Loader.add_multi_constructor("!", lambda *_: None)


def served() -> Iterator[Served]:
    """Yield every function with its routes, in the order of the template."""
    resources = yaml.load(TEMPLATE.read_text(), _Loader)["Resources"]  # noqa: S506 - a SafeLoader
    for resource in resources.values():
        if resource["Type"] == "AWS::Serverless::Function":
            yield _serves(resource["Properties"])


def owners() -> dict[str, str]:
    """Return the function of each route."""
    return {route: each.function for each in served() for route in each.routes}


def table() -> str:
    """Return the table as the README has it."""
    return HEAD + "".join(
        f"| `{each.function}` | {each.description} | {_cell(each.routes)} |\n" for each in served()
    )


def with_table(text: str) -> str:
    """Return `text` with the table of today between its two marks."""
    before, _, rest = text.partition(f"{BEGIN}\n")
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"README.md lacks `{BEGIN}` or `{END}`: put them back, and run again.")
    return f"{before}{BEGIN}\n{table()}{END}{after}"


def _serves(properties: dict[str, Any]) -> Served:
    events = properties.get("Events", {}).values()
    asked = [event["Properties"] for event in events if event["Type"] == "HttpApi"]
    routes = tuple(f"{each['Method'].upper()} {each['Path']}" for each in asked)
    function = properties["Handler"].removesuffix(".handler")
    return Served(function, properties["Description"], routes)


def _cell(routes: tuple[str, ...]) -> str:
    """Return one line for each path, with all its methods."""
    methods = defaultdict(list)
    for route in routes:
        method, _, path = route.partition(" ")
        methods[path].append(method)
    lines = (f"`{', '.join(sorted(found))} {path}`" for path, found in sorted(methods.items()))
    return "<br>".join(lines) or "none"


def routes_named() -> set[str]:
    """Return the routes that the README's table names."""
    part = README.read_text().partition(BEGIN)[2].partition(END)[0]
    lines = re.findall(r"`([A-Z, ]+) (/[^`]*)`", part)
    return {f"{method} {path}" for methods, path in lines for method in methods.split(", ")}


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
    print(f"Wrote the table of routes in {README.relative_to(ROOT)}.")
