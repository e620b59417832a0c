"""The stand-in in process: an HTTP client for the SDK that opens no connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import stripe

from local.standin.engine.messages import Answer, Request


class InProcessClient(stripe.HTTPClient):
    """Hands the SDK's requests to a stand-in in the same process."""

    name = "standin"

    def __init__(self, handle: Callable[[Request], Answer]) -> None:
        super().__init__()
        self._handle = handle

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        # The address is one of the SDK's own: it has a host, and no fragment.
        path, _, query = url.split("/", 3)[3].partition("?")
        body = post_data.encode() if isinstance(post_data, str) else (post_data or b"")
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        answer = self._handle(Request(method.upper(), f"/{path}", query, lower, body))
        if answer.lost:
            raise stripe.APIConnectionError(  # type: ignore[no-untyped-call]
                "The connection ended before an answer came.", should_retry=True
            )
        # The SDK looks for header names in lower case, which `requests` answers in any case.
        return (
            answer.body.decode(),
            answer.status,
            {k.lower(): v for k, v in answer.headers.items()},
        )

    def _sleep_time_seconds(self, num_retries: int) -> float:  # noqa: ARG002
        return 0.0

    def close(self) -> None:
        """Nothing is open."""
