"""What Radar and the networks doubt: reviews, early fraud warnings, disputes in parts."""

from __future__ import annotations

import pytest
import stripe

from local.standin import StandIn
from tests.standin.doubles import Pay

ELEVATED, WARNED = "pm_card_riskLevelElevated", "pm_card_createIssuerFraudRecord"


def types(client: stripe.StripeClient) -> list[str]:
    return [event.type for event in reversed(client.v1.events.list({"limit": 100}).data)]


def test_an_elevated_risk_opens_a_review_before_the_intent_succeeds(
    client: stripe.StripeClient, pay: Pay
) -> None:
    intent = pay(card=ELEVATED, expand=["latest_charge", "review"])

    assert types(client)[-3:] == ["charge.succeeded", "review.opened", "payment_intent.succeeded"]
    assert intent.review.id == intent.latest_charge.review
    assert (intent.review.open, intent.review.reason) == (True, "rule")
    assert intent.latest_charge.outcome.type == "manual_review"


def test_an_approved_review_is_closed_once_and_leaves_the_payment(
    client: stripe.StripeClient, pay: Pay
) -> None:
    intent = pay(card=ELEVATED)
    review = client.v1.reviews.approve(intent.review)

    assert (review.open, review.closed_reason, review.reason) == (False, "approved", "approved")
    assert client.v1.payment_intents.retrieve(intent.id).review is None
    assert client.v1.reviews.list().data == []
    assert types(client)[-1] == "review.closed"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        client.v1.reviews.approve(review.id)


@pytest.mark.parametrize(
    ("reason", "closed"), [("fraudulent", "refunded_as_fraud"), ("duplicate", "refunded")]
)
def test_a_refund_of_all_closes_the_review_and_a_part_does_not(
    client: stripe.StripeClient, pay: Pay, reason: str, closed: str
) -> None:
    intent = pay(card=ELEVATED)
    client.v1.refunds.create({"payment_intent": intent.id, "amount": 1})
    assert client.v1.reviews.retrieve(intent.review).open

    client.v1.refunds.create({"payment_intent": intent.id, "reason": reason})

    assert client.v1.reviews.retrieve(intent.review).closed_reason == closed
    assert client.v1.charges.retrieve(intent.latest_charge).review is None


def test_a_warning_is_told_of_and_asks_for_nothing_once_all_is_refunded(
    client: stripe.StripeClient, pay: Pay
) -> None:
    intent = pay(card=WARNED)
    (warning,) = client.v1.radar.early_fraud_warnings.list({"charge": intent.latest_charge}).data
    assert (warning.actionable, warning.payment_intent) == (True, intent.id)
    assert "radar.early_fraud_warning.created" in types(client)

    client.v1.refunds.create({"payment_intent": intent.id})

    assert not client.v1.radar.early_fraud_warnings.retrieve(warning.id).actionable
    assert types(client)[-1] == "radar.early_fraud_warning.updated"


def test_a_payment_may_be_disputed_in_two_parts_that_are_the_whole(
    client: stripe.StripeClient, standin: StandIn, pay: Pay
) -> None:
    intent = pay(amount=2001, card="pm_card_createMultipleDisputes")
    disputes = client.v1.disputes.list({"payment_intent": intent.id}).data

    assert sorted(dispute.amount for dispute in disputes) == [1000, 1001]
    assert types(client).count("charge.dispute.funds_withdrawn") == 2
