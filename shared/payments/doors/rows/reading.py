"""How any row is read: by its key, or as one of a list."""

from typing import Any, TypeVar

from pydantic import BaseModel

from payments.doors.table import Row, Table
from payments.errors import require_found

M = TypeVar("M", bound=BaseModel)


class Reading:
    """Every read is consistent; an index only finds what is read."""

    def __init__(self, table: Table) -> None:
        """Keep the raw door."""
        self._table = table

    def _find(self, kind: type[M], pk: str, sk: str) -> M | None:
        row = self._table.get(pk, sk)
        return kind.model_validate(row) if row else None

    def _require(self, kind: type[M], name: str, pk: str, sk: str) -> M:
        return require_found(self._find(kind, pk, sk), name)

    def _several(self, *asked: tuple[type[BaseModel], str, str]) -> list[Any]:
        """Return rows of several kinds in one request: None for each that is not there."""
        found = self._table.get_many([(pk, sk) for _, pk, sk in asked])
        rows = {(row["pk"], row["sk"]): row for row in found}
        return [
            kind.model_validate(rows[pk, sk]) if (pk, sk) in rows else None
            for kind, pk, sk in asked
        ]

    def _page(
        self, kind: type[M], home: str, limit: int, cursor: str | None, wanted: dict[str, str]
    ) -> tuple[list[M], str | None]:
        entries: list[Row] = []
        for entry in self._table.newest(home, cursor, wanted):
            entries.append(entry)
            if len(entries) > limit:
                break
        rows = self._table.get_many([(entry["pk"], entry["sk"]) for entry in entries[:limit]])
        following = entries[limit - 1]["list_sort"] if len(entries) > limit else None
        return [kind.model_validate(row) for row in rows], following
