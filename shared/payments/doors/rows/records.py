"""Read records of the work itself: reserved names, used keys, counts, runs, the audit trail."""

from collections.abc import Iterator

from payments.doors.keys import partition
from payments.doors.rows.addresses import address
from payments.doors.rows.reading import Reading, read
from payments.facts.audit import AuditHead, AuditRecord, Refusals
from payments.facts.idempotency import IdempotencyRecord
from payments.facts.reservation import Reservation
from payments.facts.run import Break, Run
from payments.facts.velocity import Tally


class Records(Reading):
    """Reads what no merchant would call their own."""

    def reservation(self, tenant: str, kind: str, value: str) -> Reservation | None:
        """Return the reservation of a name, or None if nobody ever had it."""
        return self._find(Reservation, partition(tenant, kind, value), "RESERVATION")

    def holder(self, tenant: str, kind: str, value: str) -> str | None:
        """Return the holder of a reserved name, or None."""
        found = self.reservation(tenant, kind, value)
        return found.holder if found else None

    def idempotency(self, tenant: str, route: str, key: str) -> IdempotencyRecord | None:
        """Return the record of a used key, or None."""
        return self._find(
            IdempotencyRecord, partition(tenant, "IDM", f"{route}#{key}"), "IDEMPOTENCY"
        )

    def answers(self, tenant: str, about: str) -> list[IdempotencyRecord]:
        """Return the stored answers about a person, by what they are about."""
        entries = self._table.newest(f"T#{tenant}#answers#{about}")
        rows = self._table.get_many([(entry["pk"], entry["sk"]) for entry in entries])
        return [read(IdempotencyRecord, row) for row in rows]

    def tallies(self, like: list[Tally]) -> list[Tally]:
        """Return the stored tallies with the names of `like`; some may be missing."""
        rows = self._table.get_many([address(each) for each in like])
        return [read(Tally, row) for row in rows]

    def run(self, tenant: str, run: str) -> Run:
        """Return the reconciliation run or raise NotFound."""
        return self._require(Run, "reconciliation run", partition(tenant, "RUN", run), "RUN")

    def find_break(self, tenant: str, name: str) -> Break | None:
        """Return a break, or None."""
        return self._find(Break, partition(tenant, "BRK", name), "BREAK")

    def audit_head(self, tenant: str, chain: int) -> AuditHead | None:
        """Return the head of a chain of the audit trail, or None before its first record."""
        return self._find(AuditHead, partition(tenant, "AUD", str(chain)), "HEAD")

    def audit_chain(
        self, tenant: str, chain: int, *, after: int = 0, limit: int | None = None
    ) -> Iterator[AuditRecord]:
        """Yield the records of a chain after a number, oldest first."""
        home, first = partition(tenant, "AUD", str(chain)), f"RECORD#{after + 1:012}"
        for row in self._table.query_from(home, first, limit=limit):
            yield read(AuditRecord, row)

    def refusals(self, tenant: str, subject: str) -> Refusals | None:
        """Return the count of a subject's last refusals, or None."""
        return self._find(Refusals, partition(tenant, "AUD", f"refusals:{subject}"), "REFUSALS")
