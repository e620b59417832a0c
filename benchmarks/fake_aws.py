"""AWS as far as the measured requests go: the tests' table in a dict, and one secret."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from local.stack import loopback
from payments.doors.rows.addresses import row_of
from payments.doors.table import to_attributes
from tests.doubles.dynamo import Dynamo

Item = dict[str, Any]
#: What the table does with all that is asked.
PLAIN = {"GetItem": "get_item", "PutItem": "put_item", "Query": "query"}


class Aws:
    """One table and one secret."""

    def __init__(self, rows: Iterable[BaseModel | Item], secret: Mapping[str, str]) -> None:
        """Keep what every cold start begins with."""
        stored = (row_of(row) if isinstance(row, BaseModel) else row for row in rows)
        self._seed = {(row["pk"], row["sk"]): to_attributes(row) for row in stored}
        self._secret = json.dumps(secret)
        self._table = Dynamo()

    def reset(self) -> None:
        """Forget what was written."""
        self._table.load(self._seed)

    def answer(self, operation: str, asked: Item) -> Item:
        """Return the answer to one request."""
        match operation:
            case "GetSecretValue":
                return {"SecretString": self._secret}
            case "SendMessage":
                return {"MessageId": "1"}
            case "BatchGetItem":
                return self._table.batch_get_item(RequestItems=asked["RequestItems"])
            case "TransactWriteItems":
                self._table.transact_write_items(TransactItems=asked["TransactItems"])
                return {}
            case _ if operation in PLAIN:
                return getattr(self._table, PLAIN[operation])(**asked) or {}
        raise NotImplementedError(operation)


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
