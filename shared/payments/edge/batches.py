"""The edge of queues and schedules: messages in, the failed ones out."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from payments.doors.keys import parts
from payments.doors.queue import Queue
from payments.edge import bugs, runtime

#: The time that one message may take, in which Stripe is asked more than once.
NEEDS_S = 20
#: How long messages stay hidden for a silent worker, and how often a worker renews that.
HELD_S, HOLD_AGAIN_S = 50, 15
#: The same time as the queue's own.
FAILED_WAIT_S = 360

logger = Logger()


class RunFailed(Exception):
    """A scheduled run ended in an error; the log has its kind and place."""


def run(context: Any, name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """
    Run a schedule's work, log its result under `name`, and return it.

    Raise RunFailed for an error. Alarms and the dead-letter queue see that, but Lambda would log
    any other error with its message, whatever it quotes.
    """
    runtime.begin(context)
    try:
        done = work()
        if aside := _put_aside():
            done |= {"put_aside": aside}
    except Exception as error:  # noqa: BLE001 - raised again, without its message
        logger.error("bug", **bugs.described(error))  # noqa: TRY400 - a traceback quotes the message
        failed = type(error).__name__
    else:
        logger.info(name, **done)
        return done
    raise RunFailed(failed)


class OutOfTime(Exception):
    """There is no time for another message, so it comes again."""


@dataclass(slots=True)
class Hold:
    """
    Keeps the messages of a batch from other workers while this worker lives.

    After a crash the next worker gets them within a minute. A failed message waits longer, so that
    an outage does not use up its tries. Without a queue, the queue's own time counts.
    """

    queue: Queue | None
    receipts: dict[str, str]
    held_at: float = math.inf

    def next(self) -> None:
        """Hold the rest of the batch, or raise OutOfTime."""
        left = runtime.time_left()
        if left < NEEDS_S:
            raise OutOfTime
        if self.queue and self.held_at - left > HOLD_AGAIN_S:
            self.queue.hide(self.receipts.values(), HELD_S)
            self.held_at = left

    def done(self, ident: str) -> None:
        """Stop holding a message."""
        self.receipts.pop(ident, None)

    def end(self) -> None:
        """Let the messages wait that are left."""
        if self.queue and self.receipts:
            self.queue.hide(self.receipts.values(), FAILED_WAIT_S)


def _put_aside() -> int:
    """Log each due row that could not be read, and return how many there were."""
    aside = runtime.doors().store.aside
    for pk, sk in aside:
        logger.warning("put_aside", row=f"{pk} {sk}")
    found = len(aside)
    aside.clear()
    return found


def each(
    event: dict[str, Any],
    context: Any,
    work: Callable[[dict[str, str]], str],
    queue: Queue | None = None,
) -> dict[str, Any]:
    """
    Run `work` on each message of an SQS batch, and return the failed ones.

    One bad message never takes the others with it; after five tries it is in the dead-letter queue.
    `queue` is the messages' own queue, where a dead worker's messages soon come again.
    """
    runtime.begin(context)
    receipts = {each["messageId"]: each["receiptHandle"] for each in event["Records"]}
    hold = Hold(queue, receipts)

    def record_handler(record: SQSRecord) -> None:
        try:
            hold.next()
            ended = work(record.json_body)
        except Exception as error:
            # Only the error's kind: its message may quote what no log may hold.
            logger.warning("failed", error=type(error).__name__, about=_about(record))
            raise
        logger.info("done", ended=ended, about=_about(record))
        hold.done(record.message_id)

    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    answer = dict(process_partial_response(event, record_handler, processor, context))
    hold.end()
    return answer


def _about(record: SQSRecord) -> dict[str, Any]:
    """Return what a message names; the log keeps it under one field of its own."""
    try:
        message = record.json_body
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def each_row(
    event: dict[str, Any], context: Any, work: Callable[[tuple[str, str, str, str]], str]
) -> dict[str, Any]:
    """
    Run `work` on each row from the table's stream: its tenant, kind, name and own id.

    A row that fails does not hold up the others: it is due in the table, and the schedule finds it
    there. The batch comes again only if the process ends.
    """
    runtime.begin(context)
    for record in event["Records"]:
        keys = record["dynamodb"]["Keys"]
        ident = keys["sk"]["S"].partition("#")[2]
        tenant = ""
        try:
            tenant, kind, name = parts(keys["pk"]["S"])
            logger.info("done", ended=work((tenant, kind, name, ident)), tenant=tenant, row=ident)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next row has to be told
            logger.warning("failed", error=type(error).__name__, tenant=tenant, row=ident)
    return {"batchItemFailures": []}
