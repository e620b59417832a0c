"""A pay link is one address for one invoice; each press of Pay opens a fresh Checkout Session."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class PayLink(BaseModel):
    """
    `amount` is a fixed part in minor units, or None for all that is left.

    `digest` is the token's SHA-256.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    tenant: str
    invoice: str
    module: str
    digest: str
    created_at: datetime
    amount: int | None = None
    message: str | None = None
    status: Literal["active", "revoked"] = "active"
    version: int = 1


class LinkPointer(BaseModel):
    """Leads from a link's digest to its tenant; the link is then read again under that tenant."""

    model_config = ConfigDict(frozen=True)

    digest: str
    tenant: str
    invoice: str
    link: str
    version: int = 1
