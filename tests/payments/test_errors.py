"""The refusals: one code, one status, drawn in one tree, and stable for callers."""

import json
import re

import pytest

from payments import errors
from payments.errors import PaymentsError

#: What callers' programs branch on: a code or a status that changes here breaks them.
CODES = {
    "internal_error": 500,
    "invalid": 422,
    "validation_failed": 422,
    "idempotency_key_required": 422,
    "amount_not_representable": 422,
    "amount_too_small": 422,
    "amount_too_large": 422,
    "currency_not_supported": 422,
    "key_mode_mismatch": 422,
    "keys_not_same_account": 422,
    "stripe_request_refused": 422,
    "pan_detected": 422,
    "malformed_json": 400,
    "malformed_event": 400,
    "invalid_signature": 400,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "precondition_required": 428,
    "unauthenticated": 401,
    "forbidden": 403,
    "permission_denied": 403,
    "module_off": 403,
    "customer_not_enabled": 403,
    "feature_disabled": 403,
    "declined": 402,
    "card_declined": 402,
    "authentication_required": 402,
    "payment_blocked": 402,
    "payment_canceled": 402,
    "not_found": 404,
    "conflict": 409,
    "payment_in_progress": 409,
    "exceeds_outstanding": 409,
    "invoice_not_payable": 409,
    "number_taken": 409,
    "name_taken": 409,
    "idempotency_key_reused": 409,
    "idempotency_in_progress": 409,
    "stripe_account_required": 409,
    "account_not_active": 409,
    "invalid_transition": 409,
    "version_mismatch": 412,
    "stripe_refused": 424,
    "stripe_account_error": 424,
    "stripe_permission_missing": 424,
    "unavailable": 503,
    "stripe_unavailable": 503,
    "aws_unavailable": 503,
    "too_much_contention": 503,
}


def below(kind: type[PaymentsError]) -> list[type[PaymentsError]]:
    return [found for sub in kind.__subclasses__() for found in (sub, *below(sub))]


KINDS = [kind for kind in below(PaymentsError) if kind.__module__ == errors.__name__]
BY_NAME = {kind.__name__: kind for kind in KINDS}


def drawn() -> dict[str, int]:
    """Return the statuses as the tree in the module's docstring draws them."""
    tree, status, found = (errors.__doc__ or "").partition("PaymentsError\n")[2], 0, {}
    for line in tree.splitlines():
        number = re.search(r" (\d{3})( |$)", line)
        status = int(number[1]) if number else status
        found |= dict.fromkeys(re.findall(r"[A-Z][A-Za-z]+", line), status)
    return found


def test_no_code_has_gone_or_changed_its_status_under_a_caller() -> None:
    assert CODES.items() <= {kind("x").code: kind.status for kind in KINDS}.items()


def test_no_two_refusals_share_a_code() -> None:
    assert len({kind("x").code for kind in KINDS}) == len(KINDS)


def test_the_tree_draws_every_refusal_with_its_status() -> None:
    assert drawn() == {kind.__name__: kind.status for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=BY_NAME)
def test_every_refusal_says_what_it_is(kind: type[PaymentsError]) -> None:
    refusal = kind("Sentence.")

    assert kind.__doc__
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", refusal.code)
    assert refusal.title == refusal.code.replace("_", " ").capitalize()


@pytest.mark.parametrize("kind", KINDS, ids=BY_NAME)
def test_a_problem_document_has_every_member_that_callers_rely_on(
    kind: type[PaymentsError],
) -> None:
    problem = kind("Sentence.", invoice="inv_1", missing=None).problem()

    assert {"type", "title", "status", "code", "detail", "retryable", "invoice"} == set(problem)
    assert problem["type"].endswith(problem["code"])
    assert json.loads(json.dumps(problem)) == problem


@pytest.mark.parametrize("kind", KINDS, ids=BY_NAME)
def test_a_refusal_says_when_to_come_again_exactly_if_that_can_help(
    kind: type[PaymentsError],
) -> None:
    assert ("Retry-After" in kind("x").headers) is kind.retryable
    assert kind.status in {409, 429, 503} or not kind.retryable


def test_the_time_to_wait_is_the_refusals_own() -> None:
    assert errors.IdempotencyInProgress("x", retry_after_s=5).headers == {"Retry-After": "5"}
    assert errors.StripeUnavailable("x").headers == {"Retry-After": "2"}
