"""The edge of queues and schedules: messages in, the ones that have to come again out."""

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

#: What one message may take: Stripe is asked, and asked again.
NEEDS_S = 20
#: How long messages stay with a worker that says nothing, and how often it says something.
HELD_S, HOLD_AGAIN_S = 50, 15
#: As long as the queue hides a message by itself.
FAILED_WAIT_S = 360

logger = Logger()


class RunFailed(Exception):
    """A scheduled run ended in an error, of which the log tells kind and place."""


def run(context: Any, name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """
    Run a schedule's work and log under `name` what it did.

    An error is seen by Lambda, and so by alarms and the dead-letter queue, but without its message:
    Lambda would log that, whatever it quotes.
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
    """There is not time enough for another message: it comes again."""


@dataclass(slots=True)
class Hold:
    """
    Keeps the messages of a batch from other workers for as long as this one lives.

    One that dies leaves them to the next worker within a minute; one that failed waits for longer,
    so that an outage does not use up its tries. Without a queue, the queue's own time counts.
    """

    queue: Queue | None
    receipts: dict[str, str]
    held_at: float = math.inf

    def next(self) -> None:
        """Hold what is left of the batch, or raise OutOfTime."""
        left = runtime.time_left()
        if left < NEEDS_S:
            raise OutOfTime
        if self.queue and self.held_at - left > HOLD_AGAIN_S:
            self.queue.hide(self.receipts.values(), HELD_S)
            self.held_at = left

    def done(self, ident: str) -> None:
        """Hold a message no longer."""
        self.receipts.pop(ident, None)

    def end(self) -> None:
        """Let those that are left wait."""
        if self.queue and self.receipts:
            self.queue.hide(self.receipts.values(), FAILED_WAIT_S)


def _put_aside() -> int:
    """Log each row that was due and could not be read, and return how many."""
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
    Run `work` on each message of an SQS batch and name the ones that failed.

    One bad message never takes the others with it; after five tries it is in the dead-letter queue.
    `queue` is the one that the messages come from, where a dead worker's are to come again soon.
    """
    runtime.begin(context)
    receipts = {each["messageId"]: each["receiptHandle"] for each in event["Records"]}
    hold = Hold(queue, receipts)

    def record_handler(record: SQSRecord) -> None:
        try:
            hold.next()
            ended = work(record.json_body)
        except Exception as error:
            # Its kind only: a message may quote what no log may hold.
            logger.warning("failed", error=type(error).__name__, about=_about(record))
            raise
        logger.info("done", ended=ended, about=_about(record))
        hold.done(record.message_id)

    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    answer = dict(process_partial_response(event, record_handler, processor, context))
    hold.end()
    return answer


def _about(record: SQSRecord) -> dict[str, Any]:
    """Return what a message names, under one name of its own: `name` or `args` are the log's."""
    try:
        message = record.json_body
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def each_row(
    event: dict[str, Any], context: Any, work: Callable[[tuple[str, str, str, str]], str]
) -> dict[str, Any]:
    """
    Run `work` on each row that the table's stream brings: its tenant, kind, name and own id.

    A row that fails keeps no other one waiting: it stands in the table as due, and the schedule
    finds it there. Only a process that ends is given the batch again.
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
