"""Who is calling: everything here comes from a verified token, nothing from the request."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """
    A person or a machine of one tenant.

    `base_url` is the address under which they reached us.
    """

    tenant: str
    role: str
    profile: str
    subject: str
    base_url: str
