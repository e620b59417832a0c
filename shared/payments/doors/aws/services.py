"""
The AWS services that are used, and the form of their requests.

The form follows botocore's descriptions of the services; a test compares each request with what
botocore sends.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its name at AWS, and the member that makes a repeat harmless."""

    name: str
    once: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """
    One AWS service.

    `target` begins the header that names an operation, for services with one path for all. `host`
    is the first part of the address and `scope` the name in a signature. `setting` names the
    setting that gives another address.
    """

    host: str
    scope: str
    setting: str
    operations: Mapping[str, Operation]
    target: str = ""
    version: str = "1.0"
    path: str = "/"
    #: Turns a request's members into what JSON can hold.
    encode: Callable[[Json], Json] | None = None
    checks_sum: bool = False


def _mail(request: Json) -> Json:
    """Return a mail whose attachments are text."""
    from base64 import b64encode  # noqa: PLC0415 - only mails have attachments

    content = request.get("Content", {}).get("Simple", {})
    if not (files := content.get("Attachments")):
        return request
    told = [{**file, "RawContent": b64encode(file["RawContent"]).decode("ascii")} for file in files]
    return {**request, "Content": {"Simple": {**content, "Attachments": told}}}


SERVICES = {
    "dynamodb": Service(
        host="dynamodb",
        scope="dynamodb",
        setting="DYNAMODB",
        target="DynamoDB_20120810.",
        checks_sum=True,
        operations={
            "batch_get_item": Operation("BatchGetItem"),
            "get_item": Operation("GetItem"),
            "put_item": Operation("PutItem"),
            "query": Operation("Query"),
            "transact_write_items": Operation("TransactWriteItems", once="ClientRequestToken"),
        },
    ),
    "secretsmanager": Service(
        host="secretsmanager",
        scope="secretsmanager",
        setting="SECRETS_MANAGER",
        target="secretsmanager.",
        version="1.1",
        operations={
            "create_secret": Operation("CreateSecret", once="ClientRequestToken"),
            "get_secret_value": Operation("GetSecretValue"),
            "put_secret_value": Operation("PutSecretValue", once="ClientRequestToken"),
        },
    ),
    "sqs": Service(
        host="sqs",
        scope="sqs",
        setting="SQS",
        target="AmazonSQS.",
        operations={
            "change_message_visibility_batch": Operation("ChangeMessageVisibilityBatch"),
            "send_message": Operation("SendMessage"),
        },
    ),
    "events": Service(
        host="events",
        scope="events",
        setting="EVENTBRIDGE",
        target="AWSEvents.",
        version="1.1",
        operations={"put_events": Operation("PutEvents")},
    ),
    "sesv2": Service(
        host="email",
        scope="ses",
        setting="SESV2",
        path="/v2/email/outbound-emails",
        version="",
        encode=_mail,
        operations={"send_email": Operation("SendEmail")},
    ),
}
