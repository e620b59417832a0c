"""The caller's network address, from API Gateway or from a CDN in front of it."""

import ipaddress
from typing import Any

from payments.config import settings


def client(event: dict[str, Any]) -> str:
    """
    Return the network address of the caller, or an empty string if it is unknown.

    Behind a CDN, API Gateway sees the CDN alone. The deployment then names the header in which the
    CDN writes the address; a caller can invent any other header.
    """
    name = settings().client_ip_header.lower()
    headers = event.get("headers", {}) if name else {}
    told = next((str(value) for key, value in headers.items() if key.lower() == name), "")
    return _address(told) or str(event["requestContext"]["http"].get("sourceIp", ""))


def _address(told: str) -> str | None:
    """Return the only address in a header, without its port, or None."""
    bare = told.strip()
    for found in (bare, bare.strip("[]"), bare.rpartition(":")[0].strip("[]")):
        try:
            return str(ipaddress.ip_address(found))
        except ValueError:
            continue
    return None
