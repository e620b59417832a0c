"""The one store: objects, what Stripe hides of them, idempotency keys and jobs.

SQLite in memory: nothing stays when the process ends.
"""

from __future__ import annotations

import math
import sqlite3
from typing import Any, NamedTuple

import orjson

from local.standin.engine.messages import Json

SCHEMA = """
CREATE TABLE objects (
    seq INTEGER PRIMARY KEY, scope TEXT NOT NULL, id TEXT NOT NULL,
    kind TEXT NOT NULL, customer TEXT, payment_intent TEXT, json TEXT NOT NULL,
    UNIQUE (id, scope));
CREATE INDEX objects_by_kind ON objects (scope, kind, seq);
CREATE INDEX objects_by_customer ON objects (scope, kind, customer)
    WHERE customer IS NOT NULL;
CREATE INDEX objects_by_intent ON objects (scope, kind, payment_intent)
    WHERE payment_intent IS NOT NULL;
CREATE TABLE hidden (
    scope TEXT NOT NULL, id TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (scope, id));
CREATE TABLE keys (
    scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, path TEXT NOT NULL,
    status INTEGER NOT NULL, body BLOB NOT NULL, request TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (scope, key));
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, due REAL NOT NULL, name TEXT NOT NULL,
    scope TEXT NOT NULL, argument TEXT NOT NULL);
CREATE INDEX jobs_by_due ON jobs (due, number);
"""
COLUMNS = frozenset({"seq", "customer", "payment_intent"})
TABLES = ("objects", "hidden", "keys", "jobs")


class KeptAnswer(NamedTuple):
    """What an idempotency key answers."""

    fingerprint: str
    path: str
    status: int
    body: bytes
    request: str
    at: float


class Job(NamedTuple):
    """Work that becomes due by the clock."""

    number: int
    due: float
    name: str
    scope: str
    argument: str


def links(obj: Json) -> tuple[str | None, str | None]:
    """Give what most lists are asked for a column and an index of its own."""
    return obj.get("customer"), obj.get("payment_intent")


def dump(value: object) -> str:
    return orjson.dumps(value).decode()


class Store:
    """Every call but `begin` happens inside a transaction; the caller holds the lock."""

    def __init__(self) -> None:
        self._db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._db.executescript(SCHEMA)
        #: No job is due before: most requests need not look.
        self.soonest = 0.0

    def close(self) -> None:
        self._db.close()

    def begin(self) -> None:
        self._db.execute("BEGIN")

    def commit(self) -> None:
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        self._db.execute("ROLLBACK")

    def reset(self) -> None:
        for table in TABLES:
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - names from TABLES above

    def insert(self, scope: str, obj: Json, kind: str | None = None) -> None:
        self._db.execute(
            "INSERT INTO objects (scope, id, kind, customer, payment_intent, json)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (scope, obj["id"], kind or obj["object"], *links(obj), dump(obj)),
        )

    def update(self, scope: str, obj: Json) -> None:
        self._db.execute(
            "UPDATE objects SET json = ?, customer = ?, payment_intent = ?"
            " WHERE scope = ? AND id = ?",
            (dump(obj), *links(obj), scope, obj["id"]),
        )

    def delete(self, scope: str, ident: str) -> None:
        self._db.execute("DELETE FROM objects WHERE scope = ? AND id = ?", (scope, ident))

    def get(self, scope: str, kind: str, ident: str) -> Json | None:
        row = self._db.execute(
            "SELECT json FROM objects WHERE scope = ? AND id = ? AND kind = ?", (scope, ident, kind)
        ).fetchone()
        return orjson.loads(row[0]) if row else None

    def get_any(self, scope: str, ident: str) -> Json | None:
        row = self._db.execute(
            "SELECT json FROM objects WHERE scope = ? AND id = ?", (scope, ident)
        ).fetchone()
        return orjson.loads(row[0]) if row else None

    def scope_of(self, kind: str, ident: str) -> str | None:
        row = self._db.execute(
            "SELECT scope FROM objects WHERE id = ? AND kind = ?", (ident, kind)
        ).fetchone()
        return str(row[0]) if row else None

    def seq_of(self, scope: str, kind: str, ident: str) -> int | None:
        row = self._db.execute(
            "SELECT seq FROM objects WHERE scope = ? AND id = ? AND kind = ?", (scope, ident, kind)
        ).fetchone()
        return int(row[0]) if row else None

    def select(
        self,
        scope: str,
        kind: str,
        conditions: list[tuple[str, str, Any]] | None = None,
        *,
        limit: int = -1,
        ascending: bool = False,
    ) -> list[Json]:
        """Objects of a kind; a condition is (path in the JSON or a column, operator, value)."""
        sql = "SELECT json FROM objects WHERE scope = ? AND kind = ?"
        values: list[Any] = [scope, kind]
        for path, operator, value in conditions or []:
            column = path if path in COLUMNS else f"json_extract(json, '$.{path}')"
            marks = "(" + ",".join("?" * len(value)) + ")" if operator == "IN" else "?"
            sql += f" AND {column} {operator} {marks}"
            values += value if operator == "IN" else [value]
        sql += f" ORDER BY seq {'ASC' if ascending else 'DESC'} LIMIT ?"
        rows = self._db.execute(sql, (*values, limit)).fetchall()
        return [orjson.loads(row[0]) for row in rows]

    def hidden(self, scope: str, ident: str) -> Json:
        row = self._db.execute(
            "SELECT json FROM hidden WHERE scope = ? AND id = ?", (scope, ident)
        ).fetchone()
        return orjson.loads(row[0]) if row else {}

    def hide(self, scope: str, ident: str, **state: Any) -> None:
        merged = {**self.hidden(scope, ident), **state}
        self._db.execute(
            "INSERT OR REPLACE INTO hidden (scope, id, json) VALUES (?, ?, ?)",
            (scope, ident, dump(merged)),
        )

    def kept_answer(self, scope: str, key: str) -> KeptAnswer | None:
        row = self._db.execute(
            "SELECT fingerprint, path, status, body, request, at FROM keys"
            " WHERE scope = ? AND key = ?",
            (scope, key),
        ).fetchone()
        return KeptAnswer(*row) if row else None

    def keep_answer(self, scope: str, key: str, answer: KeptAnswer) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (scope, key, *answer)
        )

    def add_job(self, due: float, name: str, scope: str, argument: str) -> None:
        self.soonest = min(self.soonest, due)
        self._db.execute(
            "INSERT INTO jobs (due, name, scope, argument) VALUES (?, ?, ?, ?)",
            (due, name, scope, argument),
        )

    def take_job(self, now: float) -> Job | None:
        if now < self.soonest:
            return None
        row = self._db.execute(
            "SELECT number, due, name, scope, argument FROM jobs ORDER BY due, number LIMIT 1"
        ).fetchone()
        self.soonest = row[1] if row else math.inf
        if now < self.soonest:
            return None
        self._db.execute("DELETE FROM jobs WHERE number = ?", row[:1])
        return Job(*row)
