"""/v1/disputes: what a payer's bank takes back, and the answer to it."""

import base64
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import BaseModel, Field

from payments.cases.disputes import answer_dispute
from payments.cases.disputes.answer_dispute import Request
from payments.edge import api, runtime
from payments.edge.shapes import DisputeOut, show_dispute
from payments.errors import PayloadTooLarge, ValidationFailed
from payments.facts.dispute import Dispute, DisputeStatus

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

#: All files together: an invocation takes 6 MB, and base64 makes four characters of three bytes.
FILES_BYTES_MAX = 4_500_000
#: Stripe's limit for all fields of the evidence.
TEXTS_MAX = 150_000

Words = Annotated[
    str, Field(min_length=1, max_length=20_000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")
]
FileName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[\w .()+-]+$")]
Content = Annotated[str, Field(min_length=4, max_length=6_100_000)]


class EvidenceTexts(api.Body):
    """Evidence for the bank in words; the names are Stripe's."""

    access_activity_log: Words | None = None
    billing_address: Words | None = None
    cancellation_policy_disclosure: Words | None = None
    cancellation_rebuttal: Words | None = None
    customer_email_address: api.Email | None = None
    customer_name: Words | None = None
    customer_purchase_ip: Words | None = None
    duplicate_charge_explanation: Words | None = None
    duplicate_charge_id: Words | None = None
    product_description: Words | None = None
    refund_policy_disclosure: Words | None = None
    refund_refusal_explanation: Words | None = None
    service_date: Words | None = None
    shipping_address: Words | None = None
    shipping_carrier: Words | None = None
    shipping_date: Words | None = None
    shipping_tracking_number: Words | None = None
    uncategorized_text: Words | None = None


class EvidenceFileIn(api.Body):
    """A PDF or a picture for one of Stripe's fields, with its content in base64."""

    field: Literal[
        "cancellation_policy",
        "customer_communication",
        "customer_signature",
        "duplicate_charge_documentation",
        "receipt",
        "refund_policy",
        "service_documentation",
        "shipping_documentation",
        "uncategorized_file",
    ]
    filename: FileName
    content_type: Literal["application/pdf", "image/jpeg", "image/png"]
    content_base64: Content


class SaveEvidence(api.Body):
    """Texts, files, or both; a field that is sent again replaces the one before."""

    fields: EvidenceTexts = EvidenceTexts()
    files: Annotated[tuple[EvidenceFileIn, ...], Field(max_length=9)] = ()


class DisputePage(BaseModel):
    """A page of disputes."""

    data: list[DisputeOut]
    next_cursor: str | None


@router.get("/v1/disputes")
def list_disputes(
    limit: api.Limit = 20,
    cursor: api.Cursor = None,
    status: Annotated[DisputeStatus | None, Query()] = None,
) -> DisputePage:
    """List the disputes of all payments, newest first."""
    wanted: dict[str, str] = {"status": status} if status else {}
    disputes, following = runtime.store().page(
        Dispute, api.caller(router).tenant, limit=limit, cursor=cursor, wanted=wanted
    )
    return DisputePage(data=[show_dispute(dispute) for dispute in disputes], next_cursor=following)


@router.get("/v1/disputes/<dispute_id>")
def get_dispute(dispute_id: api.PathName) -> Response[DisputeOut]:
    """Return one dispute."""
    dispute = runtime.store().named(Dispute, api.caller(router).tenant, dispute_id)
    return api.answer(200, show_dispute(dispute), api.etag(dispute.version))


@router.post("/v1/disputes/<dispute_id>/evidence")
def save_evidence(dispute_id: api.PathName, body: SaveEvidence) -> Response[DisputeOut]:
    """Keep evidence with a dispute at Stripe; the bank sees none before it is submitted."""
    caller, seen, doors = api.caller(router), api.version_seen(router), runtime.doors()
    texts, files = body.fields.model_dump(exclude_none=True), _files(body)
    if not texts and not files:
        raise ValidationFailed("There is no evidence in the request.")
    if sum(map(len, texts.values())) > TEXTS_MAX:
        raise ValidationFailed(f"All texts together may have {TEXTS_MAX} characters.")

    def save(request_id: str) -> DisputeOut:
        return show_dispute(
            answer_dispute.save_evidence(
                dispute_id, texts, files, request=Request(request_id, caller, seen), doors=doors
            )
        )

    return api.answer_once(router, "evd", 200, save)


@router.post("/v1/disputes/<dispute_id>/submit")
def submit_evidence(dispute_id: api.PathName) -> Response[DisputeOut]:
    """Send the stored evidence to the bank; this is possible once."""
    caller, seen, doors = api.caller(router), api.version_seen(router), runtime.doors()

    def submit(request_id: str) -> DisputeOut:
        return show_dispute(
            answer_dispute.submit(
                dispute_id, request=Request(request_id, caller, seen), doors=doors
            )
        )

    return api.answer_once(router, "sub", 200, submit)


@router.post("/v1/disputes/<dispute_id>/accept")
def accept_dispute(dispute_id: api.PathName) -> Response[DisputeOut]:
    """Accept a dispute: its amount is owed again, and this cannot be undone."""
    caller, seen, doors = api.caller(router), api.version_seen(router), runtime.doors()

    def accept(request_id: str) -> DisputeOut:
        return show_dispute(
            answer_dispute.accept(
                dispute_id, request=Request(request_id, caller, seen), doors=doors
            )
        )

    return api.answer_once(router, "acp", 200, accept)


def _files(body: SaveEvidence) -> tuple[answer_dispute.EvidenceFile, ...]:
    """Return the files with their bytes; refuse bad base64, too much, and double fields."""
    if len({file.field for file in body.files}) < len(body.files):
        raise ValidationFailed("Each field takes one file.")
    files = tuple(
        answer_dispute.EvidenceFile(file.field, file.filename, _decoded(file.content_base64))
        for file in body.files
    )
    if sum(len(file.content) for file in files) > FILES_BYTES_MAX:
        raise PayloadTooLarge(f"All files together may have {FILES_BYTES_MAX} bytes.")
    return files


def _decoded(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except ValueError:
        raise ValidationFailed("A file's content is not base64.") from None
