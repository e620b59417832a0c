"""The journal's closed balances."""

from payments.doors.keys import partition
from payments.doors.rows.addresses import address
from payments.doors.rows.reading import Reading, read
from payments.facts.balances import Closing, Closings, Part


class Books(Reading):
    """Reads what the journal came to."""

    def closings(self, tenant: str) -> Closings:
        """Return a tenant's closed midnights, as version 0 before the first."""
        found = self._find(Closings, partition(tenant, "LED", "own"), "CLOSINGS")
        return found or Closings(tenant=tenant)

    def parts(self, tenant: str, closing: Closing) -> list[Part]:
        """Return the balances of a closing, as far as they are there."""
        like = (
            Part(tenant=tenant, closing=closing.id, number=number)
            for number in range(closing.parts)
        )
        rows = self._table.get_many([address(each) for each in like])
        return [read(Part, row) for row in rows]
