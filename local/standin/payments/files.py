"""Files: what is uploaded as evidence, and only such is taken as evidence."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from local.standin.engine.errors import InvalidRequest, Missing
from local.standin.engine.messages import Json
from local.standin.engine.routing import route

if TYPE_CHECKING:
    from local.standin.engine.call import Call

SIZE_MAX = 5 * 1024 * 1024
TEXT_MAX = 150_000
BEGINNINGS = {b"%PDF": "pdf", b"\x89PNG": "png", b"\xff\xd8\xff": "jpg"}
EVIDENCE_FILES = frozenset({
    "cancellation_policy", "customer_communication", "customer_signature",
    "duplicate_charge_documentation", "receipt", "refund_policy", "service_documentation",
    "shipping_documentation", "uncategorized_file",
})  # fmt: skip


@route("POST", "/v1/files", "FileCreateParams")
def create(call: Call) -> Json:
    sent = call.params["file"]
    if not isinstance(sent, dict):
        raise InvalidRequest("Invalid file: send it as multipart/form-data.", param="file")
    content = base64.b64decode(sent["content"])
    if not 0 < len(content) <= SIZE_MAX:
        raise InvalidRequest(
            f"The file has to be between 1 and {SIZE_MAX} bytes; it has {len(content)}.",
            param="file",
        )
    ident = call.new_id("file")
    return call.insert({
        "id": ident, "object": "file", "created": call.now, "expires_at": None,
        "filename": sent["filename"],
        "links": {
            "object": "list", "data": [], "has_more": False, "url": f"/v1/file_links?file={ident}",
        },
        "purpose": call.params["purpose"], "size": len(content), "title": None,
        "type": kind_of(content), "url": f"https://files.stripe.com/v1/files/{ident}/contents",
    })  # fmt: skip


def kind_of(content: bytes) -> str:
    for beginning, kind in BEGINNINGS.items():
        if content.startswith(beginning):
            return kind
    raise InvalidRequest(f"Only {', '.join(BEGINNINGS.values())} are accepted.", param="file")


@route("GET", "/v1/files/{id}", "FileRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.named("file", "file")


def require_evidence(call: Call, evidence: Json) -> None:
    """Refuse names of files that do not exist, or were uploaded for something else."""
    for name in EVIDENCE_FILES & evidence.keys():
        ident = evidence[name]
        file = call.find("file", ident) if ident else None
        if ident and (file is None or file["purpose"] != "dispute_evidence"):
            raise Missing("file upload", ident, param=f"evidence[{name}]", in_path=False)
    if sum(len(value) for value in evidence.values() if isinstance(value, str)) > TEXT_MAX:
        raise InvalidRequest(
            f"The evidence is longer than {TEXT_MAX} characters in all.", param="evidence"
        )
