"""Stripe-shaped errors, each with its HTTP status.

StandInError
├── InvalidRequest      400  what the caller sent is wrong; nothing is kept
│   ├── Missing         404 or 400  no such object
│   ├── Conflict        400  the object's state forbids it; kept under the idempotency key
│   ├── Unauthorized    401
│   ├── Forbidden       403
│   └── RateLimited     429
├── KeyReused           400  idempotency_error
├── KeyInUse            409  idempotency_error
├── CardDeclined        402  committed, and kept
└── ServerFailure       500  kept
"""

from __future__ import annotations

from typing import Any, ClassVar


class StandInError(Exception):
    """An answer other than 2xx."""

    status: ClassVar[int] = 400
    type: ClassVar[str] = "invalid_request_error"
    kept: ClassVar[bool] = False
    """Whether the answer is stored under the request's idempotency key."""
    commits: ClassVar[bool] = False
    """Whether what was written before the error stays."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.extra = extra
        self.headers: dict[str, str] = {}

    @property
    def http_status(self) -> int:
        return self.status

    def body(self, request_id: str) -> dict[str, Any]:
        error: dict[str, Any] = {"message": self.message, "type": self.type}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = "https://docs.stripe.com/error-codes/" + self.code.replace("_", "-")
        if self.param:
            error["param"] = self.param
        error.update({key: value for key, value in self.extra.items() if value is not None})
        error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": error}


class InvalidRequest(StandInError):
    """What was sent is wrong."""


class Missing(InvalidRequest):
    """No such object: 404 when the path names it, 400 when a parameter does."""

    def __init__(self, kind: str, ident: str, *, param: str, in_path: bool) -> None:
        super().__init__(f"No such {kind}: '{ident}'", code="resource_missing", param=param)
        self.in_path = in_path

    @property
    def http_status(self) -> int:
        return 404 if self.in_path else 400


class UnknownUrl(InvalidRequest):
    """No such route."""

    status = 404


class Conflict(InvalidRequest):
    """The object's state forbids it."""

    kept = True


class Unauthorized(InvalidRequest):
    """The key is not one of ours."""

    status = 401


class Forbidden(InvalidRequest):
    """The key may not do this."""

    status = 403


class RateLimited(InvalidRequest):
    """Too many requests; `reason` is Stripe's name of the limit."""

    status = 429

    def __init__(self, reason: str) -> None:
        super().__init__(
            "Request rate limit exceeded. You can learn more about rate limits here "
            "https://docs.stripe.com/rate-limits.",
            code="rate_limit",
        )
        self.headers = {"Stripe-Rate-Limited-Reason": reason}


class KeyReused(StandInError):
    """The idempotency key was used with other parameters."""

    type = "idempotency_error"


class KeyInUse(StandInError):
    """A request with this idempotency key is still being executed."""

    status = 409
    type = "idempotency_error"


class CardDeclined(StandInError):
    """The bank, or Radar, said no."""

    status = 402
    type = "card_error"
    kept = True
    commits = True


class ServerFailure(StandInError):
    """Stripe's own failure."""

    status = 500
    type = "api_error"
    kept = True
