"""
DynamoDB as `payments.doors.table` uses it, in a dict.

What it does is compared with the emulator, operation by operation, in the simulation's tests; here
a run makes thousands of requests, and an emulator takes milliseconds for each.
"""

import operator
from typing import Any

from payments.doors.aws.answers import Refused

Item = dict[str, Any]
Key = tuple[str, str]

PAGE = 40
KEYS = {None: ("pk", "sk"), "list": ("list_key", "list_sort"), "due": ("due_shard", "due_at")}
PROJECTED = {"list": {"status", "customer", "order_ref", "number", "due", "paid_at"}, "due": set()}
COMPARE = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">=": operator.ge}


class Dynamo:
    """One table; its methods have the names and the arguments of botocore's client."""

    def __init__(self) -> None:
        self.rows: dict[Key, Item] = {}
        #: By index, then by partition: what a query looks at.
        self.found: dict[str | None, dict[str, dict[Key, Item]]] = {name: {} for name in KEYS}

    def load(self, rows: dict[Key, Item]) -> None:
        """Hold these rows and no others."""
        self.rows, self.found = {}, {name: {} for name in KEYS}
        for item in rows.values():
            self.place(item)

    def begin_as(self, other: "Dynamo") -> None:
        """Hold what another table holds."""
        self.rows = dict(other.rows)
        self.found = {
            name: {partition: dict(there) for partition, there in index.items()}
            for name, index in other.found.items()
        }

    def get_item(self, *, Key: Item, **_: Any) -> Item:  # noqa: N803
        found = self.rows.get(key_of(Key))
        return {"Item": found} if found else {}

    def batch_get_item(self, *, RequestItems: Item) -> Item:  # noqa: N803
        ((table, asked),) = RequestItems.items()
        assert len({*map(key_of, asked["Keys"])}) == len(asked["Keys"]), "one row twice"
        found = [self.rows[key_of(key)] for key in asked["Keys"] if key_of(key) in self.rows]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def put_item(self, **put: Any) -> None:
        if self._is_refused(put):
            found = self.rows.get(key_of(put["Item"]))
            raise failure("ConditionalCheckFailedException", Item=found)
        self.keep(put["Item"])

    def transact_write_items(self, *, TransactItems: list[Item]) -> None:  # noqa: N803
        puts = [entry["Put"] for entry in TransactItems]
        assert len({key_of(put["Item"]) for put in puts}) == len(puts), "one row twice"
        reasons = [
            {"Code": "ConditionalCheckFailed" if self._is_refused(put) else "None"} for put in puts
        ]
        if any(reason["Code"] != "None" for reason in reasons):
            raise failure("TransactionCanceledException", CancellationReasons=reasons)
        for put in puts:
            self.keep(put["Item"])

    def query(
        self,
        *,
        KeyConditionExpression: str,  # noqa: N803
        ExpressionAttributeNames: dict[str, str],  # noqa: N803
        ExpressionAttributeValues: Item,  # noqa: N803
        IndexName: str | None = None,  # noqa: N803
        FilterExpression: str = "",  # noqa: N803
        ScanIndexForward: bool = True,  # noqa: N803
        Limit: int = PAGE,  # noqa: N803
        ExclusiveStartKey: Item | None = None,  # noqa: N803
        **_: Any,
    ) -> Item:
        there = self.found[IndexName].get(ExpressionAttributeValues[":pk"]["S"])
        if not there:
            return {"Items": []}
        asked = (ExpressionAttributeNames, ExpressionAttributeValues)
        order = (*KEYS[IndexName][1:], "pk", "sk")
        found = [row for row in there.values() if fits(row, KeyConditionExpression, *asked)]
        found.sort(key=lambda row: [row[name]["S"] for name in order], reverse=not ScanIndexForward)
        if ExclusiveStartKey:
            begin = [ExclusiveStartKey[name]["S"] for name in order]
            ahead = operator.gt if ScanIndexForward else operator.lt
            found = [row for row in found if ahead([row[name]["S"] for name in order], begin)]
        page = found[: min(Limit, PAGE)]
        kept = [row for row in page if fits(row, FilterExpression, *asked)]
        answer: Item = {"Items": [projected(row, IndexName) for row in kept]}
        if len(page) < len(found):
            names = {"pk", "sk", *KEYS[IndexName]}
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in names}
        return answer

    def keep(self, item: Item) -> None:
        """Write a row."""
        self.place(item)

    def place(self, item: Item) -> None:
        """Put the row where queries find it, and take what was there away."""
        key = key_of(item)
        self._take_away(key)
        for index, (name, sort) in KEYS.items():
            if name in item and sort in item:
                partition = item[name]["S"]
                assert partition, "an empty key"
                assert item[sort]["S"], "an empty key"
                self.found[index].setdefault(partition, {})[key] = item
        self.rows[key] = item

    def go_back(self, item: Item, before: Item | None) -> None:
        """Have `before`, or nothing, where `item` is."""
        self._take_away(key_of(item))
        if before is not None:
            self.place(before)

    def _take_away(self, key: Key) -> None:
        item = self.rows.pop(key, None)
        if item is None:
            return
        for index, (name, sort) in KEYS.items():
            if name in item and sort in item:
                del self.found[index][item[name]["S"]][key]

    def _is_refused(self, put: Item) -> bool:
        found, condition = self.rows.get(key_of(put["Item"])), put["ConditionExpression"]
        if condition == "attribute_not_exists(pk)":
            return found is not None
        if condition == "attribute_not_exists(version)":
            return found is not None and "version" in found
        assert condition == "version = :seen", condition
        return found is None or found.get("version") != put["ExpressionAttributeValues"][":seen"]


def definition(name: str) -> Item:
    """What makes such a table: the keys, indexes and projections of template.yaml."""
    names = [part for keys in KEYS.values() for part in keys]
    indexes = [
        {
            "IndexName": index,
            "KeySchema": _schema(*KEYS[index]),
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": sorted(shown)}
            if shown
            else {"ProjectionType": "KEYS_ONLY"},
        }
        for index, shown in PROJECTED.items()
    ]
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in names],
        "KeySchema": _schema(*KEYS[None]),
        "GlobalSecondaryIndexes": indexes,
    }


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


def key_of(item: Item) -> Key:
    return item["pk"]["S"], item["sk"]["S"]


def projected(row: Item, index: str | None) -> Item:
    """A row as its index shows it."""
    if index is None:
        return row
    shown = PROJECTED[index] | {"pk", "sk", *KEYS[index]}
    return {name: value for name, value in row.items() if name in shown}


def fits(row: Item, expression: str, names: dict[str, str], values: Item) -> bool:
    """Whether a row satisfies comparisons joined by AND, and perhaps begins_with."""
    for term in filter(None, expression.split(" AND ")):
        if term.startswith("begins_with("):
            name, value = term.removeprefix("begins_with(").removesuffix(")").split(", ")
            holds = row[names[name]]["S"].startswith(values[value]["S"])
        else:
            name, sign, value = term.split(" ")
            found = row.get(names[name])
            holds = found is not None and COMPARE[sign](found["S"], values[value]["S"])
        if not holds:
            return False
    return True


def failure(code: str, **members: Any) -> Refused:
    known = {name: value for name, value in members.items() if value is not None}
    return Refused(code, answer=known)
