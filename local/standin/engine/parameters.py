"""Checks of parameters, from the types of the installed SDK, so that they cannot drift from it.

`stripe.params` has one TypedDict per operation. Its hints become `Kind`s on first use.
"""

from __future__ import annotations

import difflib
import importlib
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, Literal, Union, get_args, get_origin

from local.standin.engine.errors import InvalidRequest
from local.standin.engine.messages import Json

INTEGER = re.compile(r"-?\d{1,18}")
BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
OPTION_NAMES = frozenset({
    "api_key", "stripe_version", "stripe_account", "stripe_context", "max_network_retries",
    "idempotency_key", "content_type", "headers",
})  # fmt: skip
# The SDK types these as plain strings, Stripe takes "" for them all the same and unsets.
UNSETTABLE = frozenset({"description", "email", "name", "phone", "receipt_email"})
# Stripe's own front ends send these with everything; they are no parameters of an operation.
AMBIENT = frozenset({"key", "_stripe_account", "_stripe_version"})
METADATA_KEYS_MAX = 50
METADATA_KEY_LENGTH_MAX = 40
METADATA_VALUE_LENGTH_MAX = 500


@dataclass(frozen=True)
class Kind:
    """What one parameter may be."""

    scalars: frozenset[type] = frozenset()
    choices: tuple[str, ...] = ()
    empty: bool = False
    anything: bool = False
    fields: type | None = None
    items: Kind | None = None
    values: Kind | None = None

    @cached_property
    def is_text(self) -> bool:
        """Whether every text but an empty one will do, as it is."""
        return self.scalars == {str} and not self.choices


@dataclass(frozen=True)
class Fields:
    """The parameters of one operation, or of one hash in it."""

    kinds: Mapping[str, Kind]
    required: frozenset[str]


@cache
def operation(name: str) -> type:
    """`checkout.SessionCreateParams` -> the SDK's type."""
    *folder, cls = name.split(".")
    return typing.cast(
        "type", getattr(importlib.import_module(".".join(["stripe.params", *folder])), cls)
    )


@cache
def fields_of(typed_dict: type) -> Fields:
    names = {"StripeContext": object, "Mapping": Mapping}
    hints = typing.get_type_hints(typed_dict, localns=names, include_extras=True)
    kinds = {name: kind_of(hint) for name, hint in hints.items() if name not in OPTION_NAMES}
    required: frozenset[str] = frozenset(getattr(typed_dict, "__required_keys__"))  # noqa: B009
    return Fields(kinds, required - OPTION_NAMES)


def kind_of(hint: Any) -> Kind:  # noqa: PLR0911 - one line for each form a hint can have
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return merged([kind_of(part) for part in arguments])
    if origin is Literal:
        return Kind(choices=tuple(a for a in arguments if a != ""), empty="" in arguments)
    if origin is list:
        return Kind(items=kind_of(arguments[0]))
    if origin in {dict, Mapping}:
        return Kind(values=kind_of(arguments[1]))
    if str(origin).endswith(("NotRequired", "Required")):
        return kind_of(arguments[0])
    if hasattr(hint, "__required_keys__"):
        return Kind(fields=hint)
    if hint in {int, bool, float, str}:
        return Kind(scalars=frozenset({hint}))
    if getattr(hint, "__name__", "") == "Decimal":
        return Kind(scalars=frozenset({str}))
    # A StripeObject that the SDK takes in place of a dict: the dict beside it says the same.
    return Kind() if origin is not None else Kind(anything=True)


def merged(kinds: list[Kind]) -> Kind:
    whole = Kind()
    for kind in kinds:
        whole = replace(
            whole,
            scalars=whole.scalars | kind.scalars,
            choices=whole.choices + kind.choices,
            empty=whole.empty or kind.empty,
            anything=whole.anything or kind.anything,
            fields=whole.fields or kind.fields,
            items=whole.items or kind.items,
            values=whole.values or kind.values,
        )
    return whole


def check(operation_name: str, raw: Json) -> Json:
    """Give the parameters their types, or raise the error that Stripe would answer."""
    if not AMBIENT.isdisjoint(raw):
        raw = {name: value for name, value in raw.items() if name not in AMBIENT}
    checked = conform_fields(fields_of(operation(operation_name)), raw, "")
    if checked.get("metadata"):
        check_metadata(checked["metadata"])
    return checked


def conform_fields(fields: Fields, raw: Json, prefix: str) -> Json:
    kinds = fields.kinds
    if not raw.keys() <= kinds.keys():
        name = next(name for name in raw if name not in kinds)
        raise unknown(full_name(prefix, name), name, fields)
    if not fields.required <= raw.keys():
        full = full_name(prefix, min(fields.required - raw.keys()))
        raise InvalidRequest(
            f"Missing required param: {full}.", code="parameter_missing", param=full
        )
    return {
        name: conform(kinds[name], value, f"{prefix}[{name}]" if prefix else name)
        for name, value in raw.items()
    }


def full_name(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name


def unknown(full: str, name: str, fields: Fields) -> InvalidRequest:
    near = difflib.get_close_matches(name, fields.kinds, 1)
    hint = f". Did you mean {near[0]}?" if near else ""
    return InvalidRequest(
        f"Received unknown parameter: {full}{hint}", code="parameter_unknown", param=full
    )


def conform(kind: Kind, value: Any, name: str) -> Any:
    if kind.anything or value is None:
        return value
    if isinstance(value, str):
        if not value:
            return emptied(kind, name)
        return value if kind.is_text else conform_scalar(kind, value, name)
    if isinstance(value, dict) and kind.items and not kind.fields:
        value = [value[index] for index in sorted(value, key=list_index)]
    if isinstance(value, list):
        return conform_list(kind, value, name)
    if isinstance(value, dict):
        return conform_hash(kind, value, name)
    return conform_scalar(kind, value, name)


def list_index(index: str) -> int:
    return int(index) if index.isdigit() else 0


def emptied(kind: Kind, name: str) -> None:
    if kind.empty or (str in kind.scalars and name in UNSETTABLE) or kind.items or kind.values:
        return
    raise InvalidRequest(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset "
        f"a parameter; however '{name}' cannot be unset. You should remove '{name}' from your "
        "request or supply a non-empty value.",
        code="parameter_invalid_empty",
        param=name,
    )


def conform_list(kind: Kind, value: list[Any], name: str) -> list[Any]:
    if kind.items is None:
        raise InvalidRequest(f"Invalid {expected(kind)}", param=name)
    items = kind.items
    return [conform(items, each, f"{name}[{index}]") for index, each in enumerate(value)]


def conform_hash(kind: Kind, value: Json, name: str) -> Json:
    if kind.fields is not None:
        return conform_fields(fields_of(kind.fields), value, name)
    if kind.values is not None:
        return {
            key: "" if each == "" else conform(kind.values, each, f"{name}[{key}]")
            for key, each in value.items()
        }
    raise InvalidRequest(f"Invalid {expected(kind)}", param=name)


def conform_scalar(kind: Kind, value: Any, name: str) -> Any:
    text = value if isinstance(value, str) else str(value).lower()
    if text in kind.choices:
        return text
    if bool in kind.scalars and text in BOOLEANS:
        return BOOLEANS[text]
    if int in kind.scalars and INTEGER.fullmatch(text):
        return int(text)
    if float in kind.scalars:
        try:
            return float(text)
        except ValueError:
            raise InvalidRequest(f"Invalid decimal: {text}", param=name) from None
    if str in kind.scalars and not kind.choices:
        return value if isinstance(value, str) else text
    raise refusal(kind, text, name)


def refusal(kind: Kind, text: str, name: str) -> InvalidRequest:
    if int in kind.scalars:
        return InvalidRequest(
            f"Invalid integer: {text}", code="parameter_invalid_integer", param=name
        )
    if kind.choices:
        allowed = ", ".join(kind.choices[:-1]) + f", or {kind.choices[-1]}"
        allowed = allowed if len(kind.choices) > 1 else kind.choices[0]
        return InvalidRequest(f"Invalid {name}: must be one of {allowed}", param=name)
    if bool in kind.scalars:
        return InvalidRequest(f"Invalid boolean: {text}", param=name)
    return InvalidRequest(f"Invalid {expected(kind)}", param=name)


def expected(kind: Kind) -> str:
    if kind.items:
        return "array"
    if kind.fields or kind.values:
        return "object"
    return "string"


def check_metadata(metadata: dict[str, str]) -> None:
    if len(metadata) > METADATA_KEYS_MAX:
        raise InvalidRequest(
            f"You can only have up to {METADATA_KEYS_MAX} keys in metadata.", param="metadata"
        )
    for key, value in metadata.items():
        if len(key) > METADATA_KEY_LENGTH_MAX:
            raise InvalidRequest(
                f"Metadata keys must be at most {METADATA_KEY_LENGTH_MAX} characters long.",
                param=f"metadata[{key}]",
            )
        if len(value) > METADATA_VALUE_LENGTH_MAX:
            raise InvalidRequest(
                f"Metadata values must be at most {METADATA_VALUE_LENGTH_MAX} characters long.",
                param=f"metadata[{key}]",
            )
