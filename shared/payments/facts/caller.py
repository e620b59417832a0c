"""Who is calling: everything here comes from a verified token, nothing from the request."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody may do here: `edge.roles` says which routes each may call."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"
    STOREFRONT = "storefront"


@dataclass(frozen=True, slots=True)
class Caller:
    """
    A person or a machine of one tenant.

    `role` is None where the token names none of ours: then nothing may be done.
    `base_url` is the address under which they reached us.
    """

    tenant: str
    role: Role | None
    profile: str
    subject: str
    base_url: str

    @property
    def is_admin(self) -> bool:
        """Whether no limit and no grant is asked for."""
        return self.role is Role.ADMIN
