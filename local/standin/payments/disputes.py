"""Disputes and inquiries: opened by a card, answered with evidence, closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.errors import Conflict
from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import job, route
from local.standin.funds import balance

if TYPE_CHECKING:
    from local.standin.engine.call import Call

DISPUTE_FEE = 1500
ANSWER_WITHIN_S = 9 * 24 * 3600
DECIDED_AFTER_S = 60
EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy",
    "cancellation_policy_disclosure", "cancellation_rebuttal", "customer_communication",
    "customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature",
    "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
    "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address",
    "shipping_carrier", "shipping_date", "shipping_documentation", "shipping_tracking_number",
    "uncategorized_file", "uncategorized_text",
)  # fmt: skip
NETWORK_REASONS = {"fraudulent": "10.4", "product_not_received": "13.1"}
OPEN = frozenset({"needs_response", "warning_needs_response"})
# What the bank decides follows from these words in the evidence, as in Stripe's test mode.
VERDICTS = {"winning_evidence": "won", "losing_evidence": "lost"}


def open_dispute(call: Call, charge: Json, reason: str) -> Json:
    inquiry = reason == "inquiry"
    spoken = "fraudulent" if inquiry else reason
    ident = call.new_id("du")
    dispute = {
        "id": ident, "object": "dispute", "amount": charge["amount"], "balance_transactions": [],
        "charge": charge["id"], "created": call.now, "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": call.now + ANSWER_WITHIN_S, "enhanced_eligibility": {},
            "has_evidence": False, "past_due": False, "submission_count": 0,
        },
        "is_charge_refundable": inquiry, "livemode": call.livemode, "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": "inquiry" if inquiry else "chargeback",
                "network_reason_code": NETWORK_REASONS[spoken],
            },
            "type": "card",
        },
        "reason": spoken, "status": "warning_needs_response" if inquiry else "needs_response",
    }  # fmt: skip
    call.insert(dispute)
    charge["disputed"] = True
    call.save(charge)
    call.emit("charge.dispute.created", dispute)
    if not inquiry:
        withdraw(call, dispute)
    return dispute


def withdraw(call: Call, dispute: Json) -> None:
    currency = dispute["currency"]
    fees = [{**balance.fee_line(DISPUTE_FEE, currency), "description": "Dispute fee"}]
    entry = balance.post(
        call, "adjustment", -dispute["amount"], currency, dispute["id"],
        fees=fees, description=f"Chargeback withdrawal for {dispute['charge']}",
    )  # fmt: skip
    dispute["balance_transactions"].append(entry)
    call.save(dispute)
    call.emit("charge.dispute.funds_withdrawn", dispute)


def reinstate(call: Call, dispute: Json) -> None:
    entry = balance.post(
        call, "adjustment", dispute["amount"], dispute["currency"], dispute["id"],
        description=f"Chargeback reversal for {dispute['charge']}",
    )  # fmt: skip
    dispute["balance_transactions"].append(entry)
    call.save(dispute)
    call.emit("charge.dispute.funds_reinstated", dispute)


@route("GET", "/v1/disputes", "DisputeListParams")
def list_disputes(call: Call) -> Json:
    return answer_list(call, "dispute", "charge", "payment_intent")


@route("GET", "/v1/disputes/{id}", "DisputeRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.named("dispute", "dispute")


@route("POST", "/v1/disputes/{id}", "DisputeUpdateParams")
def update(call: Call) -> Json:
    dispute = call.named("dispute", "dispute")
    call.merge_metadata(dispute)
    evidence = call.params.get("evidence")
    if evidence is not None:
        require_open(dispute)
        dispute["evidence"].update(evidence)
        dispute["evidence_details"]["has_evidence"] = True
        if call.params.get("submit", True):
            submit(call, dispute)
    return call.change(dispute, "charge.dispute.updated")


def require_open(dispute: Json) -> None:
    if dispute["status"] not in OPEN:
        raise Conflict(
            "This dispute is already closed or under review, so it cannot be changed.",
            code="dispute_unexpected_state",
        )


def submit(call: Call, dispute: Json) -> None:
    inquiry = dispute["status"].startswith("warning")
    dispute["status"] = "warning_under_review" if inquiry else "under_review"
    dispute["evidence_details"]["submission_count"] += 1
    if dispute["evidence"].get("uncategorized_text") in VERDICTS:
        call.later(DECIDED_AFTER_S, "decide_dispute", dispute["id"])


@job("decide_dispute")
def decide(call: Call, ident: str) -> None:
    dispute = call.get("dispute", ident)
    inquiry = dispute["status"].startswith("warning")
    verdict = VERDICTS[dispute["evidence"]["uncategorized_text"]]
    dispute["status"] = "warning_closed" if inquiry else verdict
    previous = call.replace(dispute)
    if verdict == "won" and not inquiry:
        reinstate(call, dispute)
    call.emit("charge.dispute.closed", dispute, previous)


@route("POST", "/v1/disputes/{id}/close", "DisputeCloseParams")
def close(call: Call) -> Json:
    dispute = call.named("dispute", "dispute")
    require_open(dispute)
    dispute["status"] = "warning_closed" if dispute["status"].startswith("warning") else "lost"
    return call.change(dispute, "charge.dispute.closed")
