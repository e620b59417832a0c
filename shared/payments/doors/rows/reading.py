"""Read any row by its key, or as one of a list."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from payments.doors.table import Row, Table, Unreadable
from payments.errors import require_found

M = TypeVar("M", bound=BaseModel)


def read(kind: type[M], row: Row) -> M:
    """Return a row as a value of its kind, or raise Unreadable, which says only which row it is."""
    try:
        return kind.model_validate(row)
    except ValidationError:
        raise Unreadable(row["pk"], row["sk"]) from None


class Reading:
    """Every read is consistent; an index only finds what is then read."""

    def __init__(self, table: Table) -> None:
        """Keep the raw door."""
        self._table = table
        #: What was due and could not be read since somebody asked: partition and sort keys.
        self.aside: list[tuple[str, str]] = []

    def _find(self, kind: type[M], pk: str, sk: str) -> M | None:
        row = self._table.get(pk, sk)
        return read(kind, row) if row else None

    def _require(self, kind: type[M], name: str, pk: str, sk: str) -> M:
        return require_found(self._find(kind, pk, sk), name)

    def _several(self, *asked: tuple[type[BaseModel], str, str]) -> list[Any]:
        """Return rows of several kinds in one request, None for each that is missing."""
        found = self._table.get_many([(pk, sk) for _, pk, sk in asked])
        rows = {(row["pk"], row["sk"]): row for row in found}
        return [read(kind, rows[pk, sk]) if (pk, sk) in rows else None for kind, pk, sk in asked]

    def _page(
        self, kind: type[M], home: str, limit: int, cursor: str | None, wanted: dict[str, str]
    ) -> tuple[list[M], str | None]:
        entries, following = self._table.page(home, cursor, wanted, limit)
        rows = self._table.get_many([(entry["pk"], entry["sk"]) for entry in entries])
        return [read(kind, row) for row in rows], following
