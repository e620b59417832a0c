"""The least that a Lambda function can be: what every cold start is compared with."""

from typing import Any


def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer."""
    return {"statusCode": 200, "body": "hello"}
