"""AWS as far as the measured requests go: it answers at once, and every condition holds."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from local import loopback
from payments.doors.rows.addresses import row_of
from payments.doors.table import from_attributes, to_attributes

Item = dict[str, Any]


class Aws:
    """One table and one secret."""

    def __init__(self, rows: Iterable[BaseModel | Item], secret: Mapping[str, str]) -> None:
        """Keep what every cold start begins with."""
        stored = (row_of(row) if isinstance(row, BaseModel) else row for row in rows)
        self._seed = {(row["pk"], row["sk"]): to_attributes(row) for row in stored}
        self._secret = json.dumps(secret)
        self._items: dict[tuple[str, str], Item] = {}

    def reset(self) -> None:
        """Forget what was written."""
        self._items = dict(self._seed)

    def answer(self, operation: str, asked: Item) -> Item:
        """Return the answer to one request."""
        match operation:
            case "GetSecretValue":
                return {"SecretString": self._secret}
            case "SendMessage":
                return {"MessageId": "1"}
            case "GetItem":
                item = self._items.get(_address(asked["Key"]))
                return {"Item": item} if item else {}
            case "PutItem":
                self._put(asked["Item"])
                return {}
            case "TransactWriteItems":
                for action in asked["TransactItems"]:
                    self._put(action["Put"]["Item"])
                return {}
            case "Query":
                found = self._partition(asked["ExpressionAttributeValues"])
                return {"Items": found, "Count": len(found)}
        raise NotImplementedError(operation)

    def _put(self, item: Item) -> None:
        self._items[_address(item)] = item

    def _partition(self, values: Item) -> list[Item]:
        key, prefix = values[":pk"]["S"], values.get(":sk", {"S": ""})["S"]
        return [
            item for (pk, sk), item in self._items.items() if pk == key and sk.startswith(prefix)
        ]


def _address(item: Item) -> tuple[str, str]:
    row = from_attributes({"pk": item["pk"], "sk": item["sk"]})
    return row["pk"], row["sk"]


def routes(aws: Aws) -> type[loopback.Handler]:
    """Return the one route that these services of AWS have."""

    class Routes(loopback.Handler):
        """A request names its operation in a header, and is JSON, as is its answer."""

        def do_POST(self) -> None:  # noqa: N802 - the library's name
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            found = json.dumps(aws.answer(operation, asked)).encode()
            self.answer(found, "application/x-amz-json-1.0")

    return Routes
