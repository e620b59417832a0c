"""What nobody has meant: a row that no version can read."""

from payments.doors.keys import due_shard
from payments.doors.table import to_attributes
from tests.simulation.people import People, Sale

#: The sort key of such a row; it is put aside every hour for good, and no world waits for it.
SPOILED = "SPOILED"
#: Whose due work is taken up by a schedule, in the order of how much stands behind it.
KINDS = ("attempt", "refund", "dispute", "event", "recovery", "notification")


def spoil(people: People, sale: Sale) -> None:
    """Leave a row of the wrong shape where it is due before all others of its kind."""
    kind, name = people.random.choice(KINDS), f"x_{next(people.keys)}"
    people.world.table.dynamo.place(
        to_attributes({
            "pk": f"T#{sale.tenant}#X#{name}", "sk": SPOILED, "id": 7, "tenant": sale.tenant,
            "version": 1, "due_shard": due_shard(kind, name), "due_at": "2026-01-01T00:00:00Z",
        })
    )  # fmt: skip
