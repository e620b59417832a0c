"""The caller's own address on the net: API Gateway's word, or that of a CDN in front of it."""

import ipaddress
from typing import Any

from payments.config import settings


def client(event: dict[str, Any]) -> str:
    """
    Return the address of whoever sent the request, or an empty text where nobody says.

    Behind a CDN, API Gateway sees the CDN alone. The deployment then names the header in which the
    CDN writes the address; any other header may be the caller's own invention.
    """
    name = settings().client_ip_header.lower()
    headers = event.get("headers", {}) if name else {}
    told = next((str(value) for key, value in headers.items() if key.lower() == name), "")
    return _address(told) or str(event["requestContext"]["http"].get("sourceIp", ""))


def _address(told: str) -> str | None:
    """Return the one address in a header, without its port, or None."""
    bare = told.strip()
    for found in (bare, bare.strip("[]"), bare.rpartition(":")[0].strip("[]")):
        try:
            return str(ipaddress.ip_address(found))
        except ValueError:
            continue
    return None
