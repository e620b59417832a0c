"""The edge of queues and schedules: messages in, the ones that have to come again out."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from payments.doors.keys import parts
from payments.edge import bugs, runtime

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
    except Exception as error:  # noqa: BLE001 - raised again, without its message
        logger.error("bug", **bugs.described(error))  # noqa: TRY400 - a traceback quotes the message
        failed = type(error).__name__
    else:
        logger.info(name, **done)
        return done
    raise RunFailed(failed)


def each(
    event: dict[str, Any], context: Any, work: Callable[[dict[str, str]], str]
) -> dict[str, Any]:
    """
    Run `work` on each message of an SQS batch and name the ones that failed.

    One bad message never takes the others with it; after five tries it is in the dead-letter queue.
    """
    runtime.begin(context)

    def record_handler(record: SQSRecord) -> None:
        message = record.json_body
        try:
            logger.info("done", ended=work(message), **message)
        except Exception as error:
            # Its kind only: a message may quote what no log may hold.
            logger.warning("failed", error=type(error).__name__, **message)
            raise

    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return dict(process_partial_response(event, record_handler, processor, context))


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
        tenant, kind, name = parts(keys["pk"]["S"])
        ident = keys["sk"]["S"].partition("#")[2]
        try:
            logger.info("done", ended=work((tenant, kind, name, ident)), tenant=tenant, row=ident)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next row has to be told
            logger.warning("failed", error=type(error).__name__, tenant=tenant, row=ident)
    return {"batchItemFailures": []}
