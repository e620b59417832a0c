"""A name that is taken."""

from pydantic import BaseModel, ConfigDict


class Reservation(BaseModel):
    """A name that only one object of a tenant may have: an invoice number, an account's name."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    kind: str
    value: str
    holder: str
    version: int = 1
