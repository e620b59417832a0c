"""The meaning of Stripe's refusals: certainly nothing done, a refusal, or unknown."""

import re
from http import HTTPStatus
from typing import Any, NoReturn

import stripe
from stripe import oauth_error

from payments.errors import (
    StripeAccountError,
    StripePermissionMissing,
    StripeRequestRefused,
    StripeUnavailable,
)
from payments.facts.attempt import Decline
from payments.facts.outcome import CardRefused, FailedAtStripe, OutcomeUnknown

#: Stripe's code for a platform that may not, or may no longer, act for an account.
ACCESS_LOST = "account_invalid"


def refuse(method: str, error: stripe.StripeError) -> NoReturn:
    """Raise our error for the SDK's: certainly nothing done, a refusal, or unknown."""
    request = error.request_id
    if isinstance(error, stripe.CardError):
        raise _card_refused(error) from None
    if isinstance(error, stripe.PermissionError) and code_of(error) == ACCESS_LOST:
        detail = "Stripe lets this platform act for the account no longer: connect it again."
        raise StripeAccountError(
            detail, stripe_code=ACCESS_LOST, stripe_request_id=request
        ) from None
    if isinstance(error, stripe.PermissionError):
        found = re.search(r"'(rak_[a-z_]+)'", error.user_message or "")
        permission = found[1] if found else None
        detail = (
            f"The key lacks a permission at Stripe: {permission or 'Stripe does not say which'}."
        )
        raise StripePermissionMissing(
            detail, permission=permission, stripe_request_id=request
        ) from None
    if isinstance(error, stripe.AuthenticationError):
        raise StripeAccountError(
            "Stripe refuses the account's key.", stripe_request_id=request
        ) from None
    if isinstance(error, stripe.RateLimitError):
        # The limiter and the object lock both refuse before anything is done.
        raise StripeUnavailable(
            "Stripe asks for fewer requests.", stripe_request_id=request
        ) from None
    if isinstance(error, stripe.InvalidRequestError | oauth_error.OAuthError) or _is_refusal(error):
        detail = "Stripe refused the request."
        raise StripeRequestRefused(
            detail,
            stripe_code=code_of(error),
            param=getattr(error, "param", None),
            stripe_request_id=request,
        ) from None
    if method == "get":
        raise StripeUnavailable("Stripe could not be asked.", stripe_request_id=request) from None
    raise _unknown(error.http_status)(request) from None


def code_of(error: stripe.StripeError) -> str | None:
    """Return Stripe's code; the SDK keeps it only in the body for 401, 403 and 429."""
    body: Any = error.json_body
    problem = body.get("error") if isinstance(body, dict) else None
    return problem.get("code") if isinstance(problem, dict) else error.code


def _is_refusal(error: stripe.StripeError) -> bool:
    """Whether it is one of v2's many refusals; a 409 may still be under way."""
    refused = {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
    return error.http_status in refused and not isinstance(error, stripe.IdempotencyError)


def _unknown(status: int | None) -> type[OutcomeUnknown]:
    failed = status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return FailedAtStripe if failed else OutcomeUnknown


def _card_refused(error: stripe.CardError) -> CardRefused:
    body: Any = error.json_body
    problem = body["error"] if isinstance(body, dict) else {}
    intent = problem.get("payment_intent") or {}
    charge = intent.get("latest_charge")
    outcome = (charge.get("outcome") if isinstance(charge, dict) else None) or {}
    decline = Decline(
        code=problem.get("code") or "card_declined",
        decline_code=problem.get("decline_code"),
        advice_code=problem.get("advice_code"),
        network_decline_code=problem.get("network_decline_code"),
        outcome_type=outcome.get("type"),
        risk_level=outcome.get("risk_level"),
        charge=problem.get("charge"),
    )
    return CardRefused(decline, intent.get("id"))
