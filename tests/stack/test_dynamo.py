"""The DynamoDB in a dict against the emulator: the same answers and the same refusals."""

from collections.abc import Callable, Iterator
from contextlib import closing
from random import Random
from typing import Any

import pytest

from local.stack.emulator import CREDENTIALS, REGION, Emulator, running_emulator
from local.stack.processes import free_port
from payments.doors.aws.answers import Refused
from payments.doors.aws.signing import Credentials
from payments.doors.table import Put, Row, RowChanged, Table
from tests.doubles.dynamo import Dynamo, definition
from tests.doubles.wire import wired

SEQUENCES = 2000
OPERATIONS = 8
NAMES = ("a", "b", "b1", "c")
STATES = ("open", "paid")
DAYS = ("2026-09-01", "2026-09-02", "2026-10-01")


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Give a client of an emulated DynamoDB with the template's table."""
    port = free_port()
    with running_emulator(port, folder=tmp_path_factory.mktemp("aws"), auth=False) as wait:
        wait()
        emulator = Emulator(port)
        emulator.client("dynamodb").create_table(**definition("receivable"))
        keys = Credentials(CREDENTIALS["aws_access_key_id"], CREDENTIALS["aws_secret_access_key"])
        made = wired("dynamodb", emulator.url, credentials=keys, region=REGION)
        with closing(made) as client:
            yield client


def test_every_operation_has_the_same_outcome_in_2000_sequences(emulated: Any) -> None:
    ours, theirs = (
        Table(client, "receivable", sleep=lambda _: None, jitter=lambda: 0.0)
        for client in (Dynamo(), emulated)
    )
    done = 0
    for number in range(SEQUENCES):
        random = Random(number)  # noqa: S311 - a sequence, no secret
        seen: dict[tuple[str, str], int] = {}
        for _ in range(OPERATIONS):
            operation = Operations(random, f"s{number}", seen).draw()
            mine, real = outcome(operation, ours), outcome(operation, theirs)
            assert mine == real, f"sequence {number}"
            done += 1

    assert done == SEQUENCES * OPERATIONS


Operation = Callable[[Table], Any]


def outcome(operation: Operation, table: Table) -> Any:
    """What a caller of the door gets: rows, or the refusal and which rows it names."""
    try:
        return operation(table)
    except RowChanged as changed:
        return "changed", changed.rows
    except Refused as error:
        return "refused", error.code


class Operations:
    """Draws what `payments.doors.table` does, on few keys, so that they meet."""

    def __init__(self, random: Random, prefix: str, seen: dict[tuple[str, str], int]) -> None:
        self.random, self.prefix, self.seen = random, prefix, seen

    def draw(self) -> Operation:
        return self.random.choice((
            self._put, self._put, self._put, self._transact, self._transact, self._get,
            self._get_many, self._query, self._due, self._newest,
        ))()  # fmt: skip

    def _put(self) -> Operation:
        put = self._a_put()
        return lambda table: self._note(table.put(put.row, seen=put.seen), put)

    def _transact(self) -> Operation:
        puts = {(put.row["pk"], put.row["sk"]): put for put in map(self._of, range(3))}
        chosen = list(puts.values())
        return lambda table: self._note(table.transact(*chosen), *chosen)

    def _of(self, _: int) -> Put:
        return self._a_put()

    def _note(self, answer: None, *puts: Put) -> None:
        for put in puts:
            self.seen[put.row["pk"], put.row["sk"]] = put.row["version"]
        return answer

    def _a_put(self) -> Put:
        pk, sk = self._key()
        known = self.seen.get((pk, sk))
        seen = self.random.choice((None, known, known, known, 7))
        number = self.random.randint(1, 5)
        row: Row = {
            "pk": pk,
            "sk": sk,
            "version": (seen or 0) + 1,
            "status": self.random.choice(STATES),
            "number": f"n{number}",
            "amounts": {"total": number * 100, "parts": [1, None, True]},
        }
        if self.random.random() < 0.7:
            row |= {"list_key": f"{self.prefix}#list", "list_sort": f"{sk}-{pk[-2:]}"}
        if self.random.random() < 0.5:
            row |= {"due_shard": f"{self.prefix}#due", "due_at": self.random.choice(DAYS)}
        if self.random.random() < 0.5:
            row["due"] = self.random.choice(DAYS)
        return Put(row, seen)

    def _key(self) -> tuple[str, str]:
        return f"{self.prefix}#p{self.random.randint(1, 2)}", self.random.choice(NAMES)

    def _get(self) -> Operation:
        key = self._key()
        return lambda table: table.get(*key)

    def _get_many(self) -> Operation:
        keys = list(dict.fromkeys(self._key() for _ in range(3)))
        return lambda table: table.get_many(keys)

    def _query(self) -> Operation:
        pk, _ = self._key()
        prefix, limit = self.random.choice(("", "b")), self.random.choice((None, 1, 2))
        return lambda table: list(table.query(pk, prefix, limit=limit))

    def _due(self) -> Operation:
        until, limit = self.random.choice(DAYS), self.random.choice((None, 2))
        # Equal times stand in an order that no index promises.
        return lambda table: sorted(table.due(f"{self.prefix}#due", until, limit=None))[:limit]

    def _newest(self) -> Operation:
        before = self.random.choice((None, "b-p1", "c-p2"))
        wanted = self.random.choice((
            {}, {"status": "open"}, {"number": "n1"}, {"due_before": DAYS[1]},
            {"status": "paid", "due_before": DAYS[2]},
        ))  # fmt: skip
        return lambda table: table.page(f"{self.prefix}#list", before, wanted, 99)[0]
