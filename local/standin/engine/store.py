"""The one store: objects, what Stripe hides of them, idempotency keys and jobs.

Everything is in memory, and nothing stays when the process ends. An object is kept as its JSON:
nobody holds a reference into it, so that what is read can be changed freely until it is written.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import orjson

from local.standin.engine.conditions import Condition, Test, meets, test_of, value_at
from local.standin.engine.messages import Json

#: What most lists are asked for has an index of its own.
LINKS = ("customer", "payment_intent", "charge", "account")
#: What a row says without its JSON being read.
COLUMNS = frozenset({"id", "created"})
Key = tuple[str, ...]
"""What the index knows: a kind of a scope, or a kind of a scope with a link."""


class KeptAnswer(NamedTuple):
    """What an idempotency key answers."""

    fingerprint: str
    path: str
    status: int
    body: bytes
    request: str
    at: float


class Job(NamedTuple):
    """Work that becomes due by the clock; of two that are due at once the older goes first."""

    due: float
    number: int
    name: str
    scope: str
    argument: str


class Row(NamedTuple):
    """An object as it is kept. A row never changes: another takes its place."""

    seq: int
    scope: str
    kind: str
    id: str
    created: int | None
    links: tuple[Any, ...]
    json: bytes

    def listed_under(self) -> list[Key]:
        """Give the index's keys under which the row is found; what is no text is no link."""
        scope, kind = self.scope, self.kind
        links = zip(LINKS, self.links, strict=True)
        linked = [(scope, kind, name, to) for name, to in links if type(to) is str]
        return [(scope, kind), *linked]


@dataclass(frozen=True)
class Snapshot:
    """All that a store had at one time."""

    rows: dict[int, Row] = field(default_factory=dict)
    seqs: dict[tuple[str, str], int] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()
    index: dict[Key, list[int]] = field(default_factory=dict)
    hidden: dict[tuple[str, str], bytes] = field(default_factory=dict)
    answers: dict[tuple[str, str], KeptAnswer] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    last: int = 0


def links_of(obj: Json) -> tuple[Any, ...]:
    """Give what stands under `LINKS`, in their order."""
    get = obj.get
    return get("customer"), get("payment_intent"), get("charge"), get("account")


def dump(value: object) -> str:
    return orjson.dumps(value).decode()


class Store:
    """
    Objects and events; the caller holds the lock.

    What is written outside a transaction stays.
    """

    def __init__(self) -> None:
        self._open = False
        self.reset()

    def begin(self) -> None:
        if self._open:
            raise RuntimeError("a transaction within a transaction")
        self._open = True
        self._undo.clear()

    def commit(self) -> None:
        self._open = False
        self._undo.clear()

    def rollback(self) -> None:
        if not self._open:
            raise RuntimeError("no transaction")
        self._open, steps = False, self._undo[::-1]
        for undo, *arguments in steps:
            undo(*arguments)
        self._undo.clear()

    def reset(self) -> None:
        self.restore(Snapshot())

    def snapshot(self) -> Snapshot:
        index = {key: list(found) for key, found in self._index.items()}
        return Snapshot(
            dict(self._rows), dict(self._seqs), frozenset(self._scopes), index,
            dict(self._hidden), dict(self._answers), sorted(self._jobs), self._last,
        )  # fmt: skip

    def restore(self, kept: Snapshot) -> None:
        """Be as it was then, outside of a transaction."""
        self._open = False
        # How to take back what was written: calls and their arguments, the last one first.
        self._undo: list[tuple[Any, ...]] = []
        self._rows, self._seqs, self._scopes = dict(kept.rows), dict(kept.seqs), set(kept.scopes)
        # A row's `seq` stands under each of its keys, the lowest first.
        self._index = {key: list(found) for key, found in kept.index.items()}
        self._hidden, self._answers = dict(kept.hidden), dict(kept.answers)
        self._jobs = sorted(kept.jobs)  # What is sorted is a heap as well.
        self._last = kept.last

    def insert(self, scope: str, obj: Json, kind: str | None = None) -> None:
        if self._row(scope, obj["id"]):
            raise ValueError(f"{obj['id']} is there already")
        row = Row(
            self._next(), scope, kind or obj["object"], obj["id"], obj.get("created"),
            links_of(obj), orjson.dumps(obj),
        )  # fmt: skip
        self._change(None, row)

    def update(self, scope: str, obj: Json) -> None:
        if before := self._row(scope, obj["id"]):
            created, links = obj.get("created"), links_of(obj)
            self._change(before, Row(*before[:4], created, links, orjson.dumps(obj)))

    def delete(self, scope: str, ident: str) -> None:
        if before := self._row(scope, ident):
            self._change(before, None)

    def get(self, scope: str, kind: str, ident: str) -> Json | None:
        row = self._row(scope, ident)
        return orjson.loads(row.json) if row and row.kind == kind else None

    def get_any(self, scope: str, ident: str) -> Json | None:
        row = self._row(scope, ident)
        return orjson.loads(row.json) if row else None

    def has(self, scope: str, kind: str, ident: str) -> bool:
        row = self._row(scope, ident)
        return row is not None and row.kind == kind

    def scope_of(self, kind: str, ident: str) -> str | None:
        return next((scope for scope in self._scopes if self.has(scope, kind, ident)), None)

    def seq_of(self, scope: str, kind: str, ident: str) -> int | None:
        row = self._row(scope, ident)
        return row.seq if row and row.kind == kind else None

    def select(
        self,
        scope: str,
        kind: str,
        conditions: Iterable[Condition] = (),
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int | None = None,
        ascending: bool = False,
    ) -> list[Json]:
        """Find objects of a kind, those with a `seq` between `after` and `before`, newest first."""
        key: Key = (scope, kind)
        of_rows: list[Test] = []
        of_objects: list[Test] = []
        for condition in conditions:
            path, operator, value = condition
            if len(key) == 2 and operator == "=" and path in LINKS:
                key = (scope, kind, path, value)
            else:
                (of_rows if path in COLUMNS else of_objects).append(test_of(condition))
        seqs = self._index.get(key, [])
        begin, end = after and bisect_right(seqs, after), before and bisect_left(seqs, before)
        seqs = seqs[begin:end]
        if not ascending:
            seqs.reverse()
        rows = (self._rows[seq] for seq in seqs)
        if of_rows:
            rows = (row for row in rows if meets(of_rows, partial(getattr, row)))
        found = (orjson.loads(row.json) for row in rows)
        if of_objects:
            found = (obj for obj in found if meets(of_objects, partial(value_at, obj)))
        return list(islice(found, limit))

    def hidden(self, scope: str, ident: str) -> Json:
        kept = self._hidden.get((scope, ident))
        return orjson.loads(kept) if kept else {}

    def hide(self, scope: str, ident: str, **state: Any) -> None:
        merged = {**self.hidden(scope, ident), **state}
        self._put(self._hidden, (scope, ident), orjson.dumps(merged))

    def kept_answer(self, scope: str, key: str) -> KeptAnswer | None:
        return self._answers.get((scope, key))

    def keep_answer(self, scope: str, key: str, answer: KeptAnswer) -> None:
        self._put(self._answers, (scope, key), answer)

    def add_job(self, due: float, name: str, scope: str, argument: str) -> None:
        job = Job(due, self._next(), name, scope, argument)
        heapq.heappush(self._jobs, job)
        self._undo.append((self._withdraw, job))

    def take_job(self, now: float) -> Job | None:
        """Take the job that is due first: it is gone, whatever becomes of its transaction."""
        return heapq.heappop(self._jobs) if self._jobs and self._jobs[0].due <= now else None

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _row(self, scope: str, ident: str) -> Row | None:
        seq = self._seqs.get((scope, ident))
        return None if seq is None else self._rows[seq]

    def _change(self, before: Row | None, after: Row | None) -> None:
        """Put a row in another's place, or in none's, or nothing in its; the way back is alike."""
        self._undo.append((self._change, after, before))
        if before and after and before.links == after.links:
            self._rows[after.seq] = after
            return
        if before:
            del self._rows[before.seq], self._seqs[before.scope, before.id]
            for key in before.listed_under():
                self._unlist(key, before.seq)
        if after:
            self._rows[after.seq] = after
            self._seqs[after.scope, after.id] = after.seq
            self._scopes.add(after.scope)
            for key in after.listed_under():
                self._list(key, after.seq)

    def _list(self, key: Key, seq: int) -> None:
        seqs = self._index.get(key)
        if seqs is None:
            self._index[key] = [seq]
        else:
            insort(seqs, seq)

    def _unlist(self, key: Key, seq: int) -> None:
        seqs = self._index[key]
        del seqs[bisect_left(seqs, seq)]
        if not seqs:
            del self._index[key]

    def _put(self, table: dict[tuple[str, str], Any], key: tuple[str, str], value: Any) -> None:
        if key in table:
            self._undo.append((table.__setitem__, key, table[key]))
        else:
            self._undo.append((table.__delitem__, key))
        table[key] = value

    def awaits(self, name: str) -> bool:
        """Say whether work of this name is still to be done."""
        return any(job.name == name for job in self._jobs)

    def _withdraw(self, job: Job) -> None:
        self._jobs.remove(job)
        heapq.heapify(self._jobs)
