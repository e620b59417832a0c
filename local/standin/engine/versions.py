"""API versions: those that exist, those that are served, and how older answers differ."""

from __future__ import annotations

from functools import cache
from typing import Any

from local.standin.engine import parameters
from local.standin.engine.errors import InvalidRequest
from local.standin.engine.messages import Json

OLDEST = "2024-09-30.acacia"
"""What was before has shapes of its own, which nobody has written down here."""
ENDIVE = "2026-09-30"
DAHLIA = "2026-03-25"
BASIL = "2025-03-31"
# The former names of Checkout's ways of showing itself, with their names since dahlia.
UI_MODES = {"hosted": "hosted_page", "embedded": "embedded_page", "custom": "elements"}
UI_MODES_BEFORE = {now: before for before, now in UI_MODES.items()}


@cache
def known() -> frozenset[str]:
    """Give every version that the installed SDK knows: there is no list of them here."""
    kinds = parameters.fields_of(parameters.operation("WebhookEndpointCreateParams")).kinds
    return frozenset(kinds["api_version"].choices)


def require_served(version: str) -> None:
    """Refuse a version that does not exist, or whose answers would only be called by its name."""
    if version not in known():
        raise InvalidRequest(f"Invalid Stripe API version: {version}")
    if version < OLDEST:
        raise InvalidRequest(
            f"The stand-in does not have the Stripe API version {version}: it serves {OLDEST} and "
            "those after it."
        )


def understood(raw: Json, version: str, owner: str) -> Json:
    """Read a request of an earlier version in today's words."""
    if version < DAHLIA and owner == "checkout" and raw.get("ui_mode") in UI_MODES:
        raw = raw | {"ui_mode": UI_MODES[raw["ui_mode"]]}
    return raw


def shaped(content: Any, version: str) -> Any:
    """Give an answer the shape that its objects had in an earlier version."""
    if version < ENDIVE:
        reshape(content, version)
    return content


def reshape(value: Any, version: str) -> None:
    if isinstance(value, list):
        for each in value:
            reshape(each, version)
    if not isinstance(value, dict):
        return
    kind = value.get("object")
    if not isinstance(kind, str):
        kind = ""
    if kind in {"payment_intent", "checkout.session"} and version < DAHLIA:
        value.pop("allowed_payment_method_types", None)
    if kind == "checkout.session" and version < DAHLIA:
        value["ui_mode"] = UI_MODES_BEFORE.get(value["ui_mode"], value["ui_mode"])
    if kind in {"payment_intent", "charge"} and version < BASIL:
        value.setdefault("invoice", None)
    for each in value.values():
        reshape(each, version)
