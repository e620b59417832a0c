"""The caller of a request: everything here comes from a verified token."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """A caller's role: `edge.roles` says which routes each role may call."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"
    STOREFRONT = "storefront"


@dataclass(frozen=True, slots=True)
class Caller:
    """
    A person or a machine of one tenant.

    `role` is None if the token names none of ours: then nothing is allowed. `base_url` is the
    address at which the caller reached us.
    """

    tenant: str
    role: Role | None
    profile: str
    subject: str
    base_url: str

    @property
    def is_admin(self) -> bool:
        """Whether the caller needs no grant and has no limit."""
        return self.role is Role.ADMIN
