"""What leads to a tenant from outside: a token, a way back, an account, a machine."""

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
    """What a pay link's token leads to, as far as it is there and the pointer names it."""

    link: PayLink | None
    invoice: Invoice | None
    settings: Settings | None
    module: PaymentModule | None
    account: Account | None
    customer: Customer | None


class Pointers(Reading):
    """Reads what is tenant-free; what it leads to is read again."""

    def find_link(self, digest: str) -> LinkPointer | None:
        """Return where a pay link's token leads; tenant-free, so what it leads to is read again."""
        return self._find(LinkPointer, f"P#LNK#{digest}", "POINTER")

    def led_to(self, pointer: LinkPointer) -> Led:
        """Return a pay link, its invoice and all who have to do with it, in one read."""
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
        """Return whose way back from Stripe it is; tenant-free, as above."""
        return self._find(ConnectState, f"P#STATE#{digest}", "POINTER")

    def find_connected(self, mode: str, stripe_account: str) -> ConnectedAccount | None:
        """Return whose a connected Stripe account is; tenant-free, as above."""
        return self._find(ConnectedAccount, account_pointer(mode, stripe_account), "POINTER")

    def find_client(self, client: str) -> Row | None:
        """Return tenant, role and profile of a machine client; tenant-free by nature."""
        return self._table.get(f"P#CLIENT#{client}", "POINTER")
