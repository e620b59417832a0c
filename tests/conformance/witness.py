"""A stand-in that remembers what it was asked and what it answered."""

from __future__ import annotations

from typing import Any, NamedTuple

from local.standin import StandIn


class Exchange(NamedTuple):
    method: str
    path: str
    status: int
    body: bytes


class Witness(StandIn):
    """The stand-in, whatever way it is reached: SDK, CLI or browser."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.exchanges: list[Exchange] = []

    def handle(self, request: Any) -> Any:
        answer = super().handle(request)
        if request.path.startswith(("/v1/", "/v2/", "/oauth/")) and not answer.lost:
            self.exchanges.append(
                Exchange(request.method, request.path, answer.status, answer.body)
            )
        return answer
