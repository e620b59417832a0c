"""Read what leads to a tenant from outside: a link's token, a state, a Stripe account, a client."""

from typing import NamedTuple

from payments.doors.keys import account_pointer, partition
from payments.doors.rows.reading import Reading
from payments.doors.table import Row
from payments.facts.account import Account
from payments.facts.connection import ConnectedAccount, ConnectState
from payments.facts.customer import Customer
from payments.facts.invoice import Invoice
from payments.facts.link import LinkPointer, PayLink
from payments.facts.module import PaymentModule
from payments.facts.settings import Settings


class Led(NamedTuple):
    """The rows that a pay link's token leads to; each may be missing."""

    link: PayLink | None
    invoice: Invoice | None
    settings: Settings | None
    module: PaymentModule | None
    account: Account | None
    customer: Customer | None


class Pointers(Reading):
    """Reads rows that belong to no tenant; what they lead to is read again."""

    def find_link(self, digest: str) -> LinkPointer | None:
        """Return the row that a pay link's token leads to; it belongs to no tenant."""
        return self._find(LinkPointer, f"P#LNK#{digest}", "POINTER")

    def led_to(self, pointer: LinkPointer) -> Led:
        """Return a pay link, its invoice and the rows that the pointer names, in one read."""
        tenant, home = pointer.tenant, partition(pointer.tenant, "INV", pointer.invoice)
        return Led(
            *self._several(
                (PayLink, home, f"LINK#{pointer.link}"),
                (Invoice, home, "INVOICE"),
                (Settings, partition(tenant, "SET", "own"), "SETTINGS"),
                (PaymentModule, partition(tenant, "MOD", pointer.module or ""), "MODULE"),
                (Account, partition(tenant, "ACC", pointer.account or ""), "ACCOUNT"),
                (Customer, partition(tenant, "CUS", pointer.customer or ""), "CUSTOMER"),
            )
        )

    def find_state(self, digest: str) -> ConnectState | None:
        """Return the state of a trip to Stripe; it belongs to no tenant."""
        return self._find(ConnectState, f"P#STATE#{digest}", "POINTER")

    def find_connected(self, mode: str, stripe_account: str) -> ConnectedAccount | None:
        """Return who owns a connected Stripe account; the row belongs to no tenant."""
        return self._find(ConnectedAccount, account_pointer(mode, stripe_account), "POINTER")

    def find_client(self, client: str) -> Row | None:
        """Return the tenant, role and profile of a machine client; the row belongs to no tenant."""
        return self._table.get(f"P#CLIENT#{client}", "POINTER")
