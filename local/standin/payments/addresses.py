"""Addresses, which Stripe answers with all their keys, whichever of them were given."""

from __future__ import annotations

from local.standin.engine.messages import Json

NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
NO_PARCEL = dict.fromkeys(("carrier", "name", "phone", "tracking_number"))


def whole_address(given: Json | None) -> Json | None:
    return {**NO_ADDRESS, **given} if given else None


def whole_shipping(given: Json | None) -> Json | None:
    """Give a customer's shipping: their address, name and phone."""
    if not given:
        return None
    return {"name": None, "phone": None, **given, "address": whole_address(given.get("address"))}


def parcel(given: Json | None) -> Json | None:
    """Give a payment's shipping: with its carrier and number as well."""
    if not given:
        return None
    return {**NO_PARCEL, **given, "address": whole_address(given.get("address"))}
