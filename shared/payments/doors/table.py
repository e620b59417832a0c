"""The door to DynamoDB: whole rows, written under one of two conditions, alone or together."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from payments.doors import outages
from payments.doors.aws.answers import Refused

Row = dict[str, Any]

TRANSACTION_TRIES = 4
WAIT_MAX_S = 0.8
BATCH_MAX = 100
#: Of DynamoDB's pages of a megabyte, how many one page of a filtered list may read.
PAGES_MAX = 5
_NEWEST: dict[str, Any] = {"IndexName": "list", "ScanIndexForward": False}
#: How often DynamoDB is asked for the rest of one batch: about four seconds in all.
LEFTOVER_TRIES = 8
_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


class RowChanged(Exception):
    """A row was not as its writer had read it; `rows` gives the indexes of such puts."""

    def __init__(self, *rows: int) -> None:
        """Keep the indexes."""
        super().__init__(f"Changed since it was read: {rows}")
        self.rows = rows


class Unreadable(Exception):
    """A row is not of its kind's shape. Its address says which; what it holds is in no message."""

    def __init__(self, pk: str, sk: str) -> None:
        """Keep the address."""
        super().__init__(f"Cannot be read: {pk} {sk}")
        self.pk, self.sk = pk, sk


class Contended(Exception):
    """Other transactions kept the rows busy, and nothing was written."""


@dataclass(frozen=True, slots=True)
class Put:
    """Write `row` if the stored row has version `seen`, or with None if there is no stored row."""

    row: Row
    seen: int | None = None


def to_attribute(value: Any) -> dict[str, Any]:
    """Return DynamoDB's form of a JSON value; a float raises, since no value here is one."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, list | tuple):
        return {"L": [to_attribute(entry) for entry in value]}
    if isinstance(value, Mapping):
        return {"M": to_attributes(value)}
    msg = f"Bug! A row cannot hold a {type(value).__name__}."
    raise TypeError(msg)


def to_attributes(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row's attributes; texts and numbers come first, since most values are."""
    return {
        name: {"S": value}
        if (kind := type(value)) is str
        else {"N": str(value)}
        if kind is int
        else to_attribute(value)
        for name, value in row.items()
    }


def from_attributes(attributes: Mapping[str, Any]) -> Row:
    """Return an item's row; text comes first, since most values are."""
    return {
        name: value if kind == "S" else _READ[kind](value)
        for name, attribute in attributes.items()
        for kind, value in attribute.items()
    }


def _row(item: Mapping[str, Any]) -> Row:
    """Return the row of an item, or raise Unreadable where it holds what nothing here writes."""
    try:
        return from_attributes(item)
    except (KeyError, ValueError):
        raise Unreadable(item["pk"]["S"], item["sk"]["S"]) from None


def _entries(values: list[Mapping[str, Any]]) -> list[Any]:
    return [_READ[kind](value) for attribute in values for kind, value in attribute.items()]


#: By DynamoDB's name of a type: what makes a JSON value of it. An attribute has exactly one.
_READ: dict[str, Callable[[Any], Any]] = {
    "S": str,
    "N": int,
    "BOOL": bool,
    "NULL": lambda _: None,
    "L": _entries,
    "M": from_attributes,
}


def _compared(wanted: str) -> tuple[str, str]:
    """Return the attribute that a wanted value is compared with, and the comparison."""
    for suffix, sign in (("_before", "<"), ("_from", ">=")):
        if wanted.endswith(suffix):
            return wanted.removesuffix(suffix), sign
    return wanted, "="


def _filtered(wanted: Mapping[str, str], names: dict[str, str], values: dict[str, str]) -> str:
    """Return what a list is narrowed by, its names and values beside those of its key."""
    compared = {name: _compared(name) for name in wanted}
    names |= {f"#{name}": attribute for name, (attribute, _) in compared.items()}
    values |= {f":{name}": value for name, value in wanted.items()}
    return " AND ".join(f"#{name} {sign} :{name}" for name, (_, sign) in compared.items())


class Table:
    """One table, read consistently. `sleep` takes seconds and `jitter` returns 0 to 1."""

    def __init__(
        self, client: Any, name: str, *, sleep: Callable[[float], None], jitter: Callable[[], float]
    ) -> None:
        """Keep the low-level client and what makes waiting deterministic in a simulation."""
        self._client, self._name, self._sleep, self._jitter = client, name, sleep, jitter

    def get(self, pk: str, sk: str) -> Row | None:
        """Return the row, or None."""
        key = to_attributes({"pk": pk, "sk": sk})
        with outages.told():
            answer = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True)
        item = answer.get("Item")
        return _row(item) if item else None

    def put_aside(self, pk: str, sk: str, until: str) -> None:
        """
        Have a row that cannot be read wait in its list of due work until then.

        It is written as it was found, unless somebody has changed it since.
        """
        with outages.told():
            key = to_attributes({"pk": pk, "sk": sk})
            answer = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True)
            item = answer.get("Item", {})
            if "due_at" not in item:
                return
            condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(version)"}
            if version := item.get("version"):
                condition["ConditionExpression"] = "version = :seen"
                condition["ExpressionAttributeValues"] = {":seen": version}
            waiting = item | {"due_at": {"S": until}}
            try:
                self._client.put_item(TableName=self._name, Item=waiting, **condition)
            except Refused as error:
                if error.code != "ConditionalCheckFailedException":
                    raise

    def get_many(self, keys: list[tuple[str, str]]) -> list[Row]:
        """Return the stored rows, in the order of their keys."""
        found: dict[tuple[str, str], Row] = {}
        # DynamoDB refuses a batch that names a row twice.
        once = list(dict.fromkeys(keys))
        for start in range(0, len(once), BATCH_MAX):
            some = once[start : start + BATCH_MAX]
            pending = [to_attributes({"pk": pk, "sk": sk}) for pk, sk in some]
            for row in self._batch(pending):
                found[row["pk"], row["sk"]] = row
        return [found[key] for key in keys if key in found]

    def _batch(self, pending: Any) -> Iterator[Row]:
        """Yield the rows of one batch; raise AwsUnavailable while some are left out."""
        for tried in range(LEFTOVER_TRIES):
            request = {self._name: {"Keys": pending, "ConsistentRead": True}}
            with outages.told():
                answer = self._client.batch_get_item(RequestItems=request)
            yield from map(_row, answer["Responses"].get(self._name, []))
            pending = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys")
            if not pending:
                return
            # DynamoDB leaves keys out because it is busy; an immediate retry would make that worse.
            self.wait(tried)
        raise outages.unavailable()

    def put(self, row: Row, *, seen: int | None = None) -> None:
        """
        Write one row, or raise RowChanged.

        If a write was applied and its answer lost, the client's retry meets its own row, which
        counts as written.
        """
        try:
            with outages.told():
                self._client.put_item(TableName=self._name, **self._conditional(Put(row, seen)))
        except Refused as error:
            if error.code != "ConditionalCheckFailedException":
                raise
            if from_attributes(error.answer.get("Item") or {}) != row:
                raise RowChanged(0) from None

    def transact(self, *puts: Put) -> None:
        """
        Write all rows or none.

        Raise RowChanged if one was changed, and Contended if they stay busy.
        """
        items = [{"Put": {"TableName": self._name, **self._conditional(put)}} for put in puts]
        for attempt in range(TRANSACTION_TRIES):
            if self._is_written(items):
                return
            self.wait(attempt)
        raise Contended

    def _is_written(self, items: list[dict[str, Any]]) -> bool:
        """Write all rows and return True, or return False where another try may help."""
        with outages.told():
            try:
                self._client.transact_write_items(TransactItems=items)
            except Refused as error:
                self._explain(error)
                return False
        return True

    def wait(self, tried: int) -> None:
        """Pause before another try: longer each time, and for a random time."""
        self._sleep(min(WAIT_MAX_S, 0.05 * 2**tried) * (0.5 + self._jitter()))

    def query(self, pk: str, prefix: str = "", *, limit: int | None = None) -> Iterator[Row]:
        """Yield the rows of a partition whose sort key begins with `prefix`, in order."""
        names, values = {"#pk": "pk"}, {":pk": pk}
        condition = "#pk = :pk"
        if prefix:
            names["#sk"], values[":sk"] = "sk", prefix
            condition += " AND begins_with(#sk, :sk)"
        yield from self._pages(condition, names, values, limit, ConsistentRead=True)

    def query_from(self, pk: str, sk: str, *, limit: int | None = None) -> Iterator[Row]:
        """Yield the rows of a partition from the sort key `sk` on, in order."""
        names, values = {"#pk": "pk", "#sk": "sk"}, {":pk": pk, ":sk": sk}
        condition = "#pk = :pk AND #sk >= :sk"
        yield from self._pages(condition, names, values, limit, ConsistentRead=True)

    def due(self, shard: str, until: str, *, limit: int | None) -> Iterator[tuple[str, str]]:
        """Yield the keys of the due work in `shard`, oldest first."""
        names, values = {"#pk": "due_shard", "#sk": "due_at"}, {":pk": shard, ":sk": until}
        condition = "#pk = :pk AND #sk <= :sk"
        for row in self._pages(condition, names, values, limit, IndexName="due"):
            yield row["pk"], row["sk"]

    def listed(self, list_key: str, list_sort: str) -> tuple[str, str] | None:
        """Return the key of the one row at this place of a list, or None."""
        names, values = {"#pk": "list_key", "#sk": "list_sort"}, {":pk": list_key, ":sk": list_sort}
        found = self._pages("#pk = :pk AND #sk = :sk", names, values, 1, IndexName="list")
        return next(((row["pk"], row["sk"]) for row in found), None)

    def newest(self, list_key: str) -> Iterator[Row]:
        """Yield all index entries of a list, newest first."""
        yield from self._pages(*self._listing(list_key, None), None, **_NEWEST)

    def page(
        self, list_key: str, before: str | None, wanted: Mapping[str, str], limit: int
    ) -> tuple[list[Row], str | None]:
        """
        Return index entries of a list with all `wanted` values, newest first, and where to go on.

        Rare entries are looked for in only a few of DynamoDB's own pages. So fewer entries than
        asked for, or none, are not the end of the list. A wanted `due_before` asks for a `due`
        before it, `paid_at_from` for one not before it.
        """
        condition, names, values = self._listing(list_key, before)
        options = dict(_NEWEST)
        if wanted:
            options["FilterExpression"] = _filtered(wanted, names, values)
        request = self._request(condition, names, values, options)
        found: list[Row] = []
        for _ in range(PAGES_MAX):
            with outages.told():
                page = self._client.query(**request)
            found += map(_row, page["Items"])
            if len(found) > limit:
                return found[:limit], found[limit - 1]["list_sort"]
            if "LastEvaluatedKey" not in page:
                return found, None
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        return found, page["LastEvaluatedKey"]["list_sort"]["S"]

    @staticmethod
    def _listing(list_key: str, before: str | None) -> tuple[str, dict[str, str], dict[str, str]]:
        names, values = {"#pk": "list_key"}, {":pk": list_key}
        condition = "#pk = :pk"
        if before:
            names["#sk"], values[":sk"] = "list_sort", before
            condition += " AND #sk < :sk"
        return condition, names, values

    def _request(
        self,
        condition: str,
        names: dict[str, str],
        values: dict[str, str],
        options: Mapping[str, Any],
    ) -> dict[str, Any]:
        return {
            "TableName": self._name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": to_attributes(values),
            **options,
        }

    def _pages(
        self,
        condition: str,
        names: dict[str, str],
        values: dict[str, str],
        limit: int | None,
        **options: Any,
    ) -> Iterator[Row]:
        if limit:
            options["Limit"] = limit
        request = self._request(condition, names, values, options)
        left = limit
        while True:
            with outages.told():
                page = self._client.query(**request)
            yield from (_row(item) for item in page["Items"][:left])
            left = left - len(page["Items"]) if left is not None else None
            if "LastEvaluatedKey" not in page or (left is not None and left <= 0):
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    @staticmethod
    def _conditional(put: Put) -> dict[str, Any]:
        request: dict[str, Any] = {
            "Item": to_attributes(put.row),
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if put.seen is not None:
            request["ConditionExpression"] = "version = :seen"
            request["ExpressionAttributeValues"] = {":seen": {"N": str(put.seen)}}
        return request

    @staticmethod
    def _explain(error: Refused) -> None:
        """Raise what a canceled transaction means, or return if another try may help."""
        if error.code == "TransactionInProgressException":
            return
        reasons = [reason.get("Code") for reason in error.answer.get("CancellationReasons", ())]
        changed = [index for index, code in enumerate(reasons) if code == "ConditionalCheckFailed"]
        if changed:
            raise RowChanged(*changed) from None
        if not _PASSING.intersection(reasons):
            raise error
