"""What a customer has paid too much, and may use for another invoice."""

from pydantic import BaseModel, ConfigDict


class CustomerCredit(BaseModel):
    """`balance` is the sum of what is unapplied of the customer's payments in one currency."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    customer: str
    currency: str
    #: A test payment's credit never pays a live invoice.
    mode: str
    balance: int = 0
    version: int = 0

    def having(self, balance: int) -> "CustomerCredit":
        """Return it with another balance."""
        return self.model_copy(update={"balance": balance})
