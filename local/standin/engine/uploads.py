"""Files on their way in: `multipart/form-data`, taken apart by the mail parser that Python has."""

from __future__ import annotations

import base64
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from local.standin.engine.errors import InvalidRequest
from local.standin.engine.messages import Json

PARSER = BytesParser(EmailMessage, policy=policy.HTTP)


def decode(content_type: str, body: bytes) -> Json:
    """Give each field its text; a file its name, and its content in base64, as all else is text."""
    whole = PARSER.parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    if not whole.is_multipart():
        raise InvalidRequest("The request body is not valid multipart/form-data.")
    fields: Json = {}
    for part in whole.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            continue
        filename = part.get_filename()
        fields[name] = content.decode("utf-8", "replace") if filename is None else {
            "filename": filename, "content": base64.b64encode(content).decode(),
        }  # fmt: skip
    return fields
