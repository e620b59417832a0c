"""The queue of reconciliation runs and back-fills: carry each one out, page by page."""

from typing import Any

from payments.cases.books import reconciliation
from payments.cases.webhooks import backfill
from payments.edge import batches, runtime


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the messages that failed and have to come again."""

    def carry_out(message: dict[str, str]) -> str:
        if account := message.get("backfill"):
            mode = message["mode"]
            return str(backfill.backfill(message["tenant"], account, mode, runtime.doors()))
        return reconciliation.carry_out(message["tenant"], message["run"], runtime.doors()).status

    return batches.each(event, context, carry_out)
