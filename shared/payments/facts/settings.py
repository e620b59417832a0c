"""What a tenant has decided for itself; without a row, what is the default here."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """`late_payment` says what becomes of money for an invoice that was void when it came."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    late_payment: Literal["credit", "refund"] = "credit"
    version: int = 1
