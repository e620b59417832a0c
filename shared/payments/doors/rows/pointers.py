"""What leads to a tenant from outside: a token, a way back, an account, a machine."""

from payments.doors.keys import account_pointer
from payments.doors.rows.reading import Reading
from payments.doors.table import Row
from payments.facts.connection import ConnectedAccount, ConnectState
from payments.facts.link import LinkPointer


class Pointers(Reading):
    """Reads what is tenant-free; what it leads to is read again."""

    def find_link(self, digest: str) -> LinkPointer | None:
        """Return where a pay link's token leads; tenant-free, so what it leads to is read again."""
        return self._find(LinkPointer, f"P#LNK#{digest}", "POINTER")

    def find_state(self, digest: str) -> ConnectState | None:
        """Return whose way back from Stripe it is; tenant-free, as above."""
        return self._find(ConnectState, f"P#STATE#{digest}", "POINTER")

    def find_connected(self, mode: str, stripe_account: str) -> ConnectedAccount | None:
        """Return whose a connected Stripe account is; tenant-free, as above."""
        return self._find(ConnectedAccount, account_pointer(mode, stripe_account), "POINTER")

    def find_client(self, client: str) -> Row | None:
        """Return tenant, role and profile of a machine client; tenant-free by nature."""
        return self._table.get(f"P#CLIENT#{client}", "POINTER")
