"""An e-mail address as Stripe and SES take it: one rule for every such field."""

import re

ADDRESS_MAX, LOCAL_MAX = 254, 64
#: A form that is accepted unchanged, for the API's document; the rule below accepts more.
PATTERN = (
    "^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}([.][A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}){0,2}@"
    "([A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?[.]){1,4}[A-Za-z]{2,20}$"
)
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_ENDING = re.compile(r"[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{1,59}")


def accepted(text: str) -> str:
    """
    Return an address with its domain as mail servers know it: `müller.de` becomes punycode.

    Raise ValueError, with a sentence for the writer, where mails or payments would fail.
    """
    local, at, domain = text.rpartition("@")
    if len(text) > ADDRESS_MAX or not at or "@" in local:
        raise ValueError("write one address of up to 254 characters, as in name@company.example")
    if len(local) > LOCAL_MAX or not _LOCAL.fullmatch(local):
        raise ValueError(
            "before the @ stand up to 64 plain letters, digits and signs, with single dots between"
        )
    return f"{local}@{_named(domain, ADDRESS_MAX - len(local) - 1)}"


def _named(domain: str, most: int) -> str:
    """Return a domain in ASCII."""
    known = domain if domain.isascii() else _punycode(domain)
    labels = known.split(".")
    if len(labels) == 1:
        raise ValueError("after the @ stands a whole domain, with its ending: company.example")
    if len(known) > most or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("after the @ stands no domain name")
    if not _ENDING.fullmatch(labels[-1]):
        raise ValueError("after the @ stands a domain whose ending does not exist")
    return known


def _punycode(domain: str) -> str:
    # Its tables are large, and few addresses need them.
    import idna  # noqa: PLC0415

    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        raise ValueError("after the @ stands no domain name") from None
