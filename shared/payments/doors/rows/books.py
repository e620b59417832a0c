"""Read the journal's closed balances."""

from payments.doors.keys import partition
from payments.doors.rows.addresses import address
from payments.doors.rows.reading import Reading, read
from payments.facts.balances import Closing, Closings, Part


class Books(Reading):
    """Reads the journal's closings."""

    def closings(self, tenant: str) -> Closings:
        """Return a tenant's closings, or version 0 before the first one."""
        found = self._find(Closings, partition(tenant, "LED", "own"), "CLOSINGS")
        return found or Closings(tenant=tenant)

    def parts(self, tenant: str, closing: Closing) -> list[Part]:
        """Return the stored balances of a closing; some may be missing."""
        like = (
            Part(tenant=tenant, closing=closing.id, number=number)
            for number in range(closing.parts)
        )
        rows = self._table.get_many([address(each) for each in like])
        return [read(Part, row) for row in rows]
