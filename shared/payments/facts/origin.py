"""Where a payer may be sent back to: exact origins that can be read in only one way."""

import re
from urllib.parse import urlsplit

from payments.errors import ValidationFailed

#: As a browser writes it: lower case, no default port. The last label is no number, so that no
#: machine's address is a name.
_NAME = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PORT = r"(?::(?P<port>[1-9][0-9]{0,4}))?"
_HTTPS = re.compile(rf"https://{_NAME}{_PORT}")
_LOCAL = re.compile(rf"http://127\.0\.0\.1{_PORT}")
#: The characters of a path, a query and a fragment (RFC 3986); all others are percent-encoded.
_REST = re.compile(r"(?:[/?#][A-Za-z0-9._~!$&'()*+,;=:@/?#%{}-]*)?")

URL_MAX, NAME_MAX, PORT_MAX = 2000, 253, 65535


def require_origin(text: str, *, local: bool) -> str:
    """
    Return `text` if it is an origin: https, a name, perhaps a port, and nothing else.

    Only the local stack may have pages on this machine.
    """
    if not _is_origin(text, local=local):
        raise ValidationFailed(
            "An origin is https://, a host's name in lower case and perhaps a port: "
            "no path, no user, no address in numbers.",
            field="return_origins",
        )
    return text


def require_return_url(url: str, origins: tuple[str, ...], *, local: bool) -> str:
    """Return `url` if it belongs to one of the tenant's origins; refuse all others."""
    origin = next((each for each in origins if _leads_to(url, each)), None)
    if len(url) > URL_MAX or origin is None or not _is_origin(origin, local=local):
        raise ValidationFailed(
            "A payer is only sent back to an origin that stands in the settings' return_origins.",
            origins=list(origins),
        )
    return url


def require_picture(url: str) -> str:
    """Return the address of a picture that a payer's browser may load."""
    found = _HTTPS.match(url)
    if not found or not _is_origin(found[0], local=False) or not _leads_to(url, found[0]):
        raise ValidationFailed("A logo is an https:// address of a picture.", field="logo")
    return url


def _leads_to(url: str, origin: str) -> bool:
    """Whether the URL leads to the origin, read both as text and as a browser would."""
    if not url.startswith(origin) or not _REST.fullmatch(url[len(origin) :]):
        return False
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" == origin


def _is_origin(text: str, *, local: bool) -> bool:
    found = _HTTPS.fullmatch(text) or (_LOCAL.fullmatch(text) if local else None)
    if not found or len(text) > NAME_MAX:
        return False
    return found["port"] != "443" and int(found["port"] or 0) <= PORT_MAX
