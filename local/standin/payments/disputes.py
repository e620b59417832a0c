"""Disputes and inquiries: opened by a card, answered with evidence, closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import job, route
from local.standin.funds import balance
from local.standin.funds.conversion import settled
from local.standin.payments import files, radar
from local.standin.payments.states import DISPUTE

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
# What the bank decides follows from these words in the evidence, as in Stripe's test mode.
WINNING, LOSING, ESCALATING = "winning_evidence", "losing_evidence", "escalate_inquiry_evidence"
INQUIRY_ENDS_AFTER_S = 120 * 24 * 3600
DAY_S = 24 * 3600


def dispute(call: Call, charge: Json, reason: str) -> None:
    """Dispute a payment as its card has it: once, or one half and then the other."""
    if reason != "multiple":
        open_dispute(call, charge, reason, charge["amount"])
        return
    half = charge["amount"] // 2
    for amount in (half, charge["amount"] - half):
        open_dispute(call, charge, "fraudulent", amount)


def open_dispute(call: Call, charge: Json, reason: str, amount: int) -> Json:
    inquiry = reason == "inquiry"
    spoken = "fraudulent" if inquiry else reason
    status = "warning_needs_response" if inquiry else "needs_response"
    ident = call.new_id("du")
    dispute = {
        "id": ident, "object": "dispute", "amount": amount, "balance_transactions": [],
        "charge": charge["id"], "created": call.now, "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": due_by(call), "enhanced_eligibility": {},
            "has_evidence": False, "past_due": False, "submission_count": 0,
        },
        "is_charge_refundable": False, "livemode": call.livemode, "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": "inquiry" if inquiry else "chargeback",
                "network_reason_code": "10" if inquiry else NETWORK_REASONS[spoken],
            },
            "type": "card",
        },
        "reason": spoken, "status": status,
    }  # fmt: skip
    dispute["is_charge_refundable"] = DISPUTE.allows(dispute, "refund")
    call.insert(dispute)
    charge.update(dispute=ident, disputed=True)
    call.save(charge)
    radar.end_doubts(call, charge, "disputed")
    ends = call.now + INQUIRY_ENDS_AFTER_S if inquiry else dispute["evidence_details"]["due_by"]
    call.later(ends - call.now, "lapse_dispute", ident)
    call.emit("charge.dispute.created", dispute)
    if not inquiry:
        withdraw(call, dispute)
    return dispute


def due_by(call: Call) -> int:
    """Give the end of a day in UTC, as Stripe does."""
    return (call.now + ANSWER_WITHIN_S) // DAY_S * DAY_S - 1


def step(call: Call, dispute: Json, operation: str, to: str) -> Json:
    """Take a step; whether the payment may be refunded follows from where it leads."""
    DISPUTE.move(dispute, operation, to)
    dispute["is_charge_refundable"] = DISPUTE.allows(dispute, "refund")
    return call.replace(dispute)


def withdraw(call: Call, dispute: Json) -> None:
    currency = dispute["currency"]
    _, own, _ = settled(call, 0, currency)
    fees = [{**balance.fee_line(DISPUTE_FEE, own), "description": "Dispute fee"}]
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
        description=f"Chargeback reversal for {dispute['charge']}", category="dispute_reversal",
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
    evidence = call.params.get("evidence") or {}
    submits = call.params.get("submit", bool(evidence))
    if evidence or submits:
        files.require_evidence(call, evidence)
        DISPUTE.require(dispute, "submit" if submits else "stage")
        dispute["evidence"].update(evidence)
        dispute["evidence_details"]["has_evidence"] |= bool(evidence)
        if submits:
            submit(call, dispute)
        else:
            DISPUTE.move(dispute, "stage", dispute["status"])
    return call.change(dispute, "charge.dispute.updated")


def submit(call: Call, dispute: Json) -> None:
    inquiry = dispute["status"] == "warning_needs_response"
    DISPUTE.move(dispute, "submit", "warning_under_review" if inquiry else "under_review")
    dispute["is_charge_refundable"] = DISPUTE.allows(dispute, "refund")
    details = dispute["evidence_details"]
    details["submission_count"] += 1
    details["past_due"] = call.now > details["due_by"]
    if dispute["evidence"].get("uncategorized_text") in {WINNING, LOSING, ESCALATING}:
        call.later(DECIDED_AFTER_S, "decide_dispute", dispute["id"])


@job("decide_dispute")
def decide(call: Call, ident: str) -> None:
    """Decide as the bank does in test mode: by the words of the evidence."""
    dispute = call.get("dispute", ident)
    words = dispute["evidence"]["uncategorized_text"]
    if dispute["status"] == "warning_under_review":
        if words == ESCALATING:
            return escalate(call, dispute)
        return closed(call, dispute, "decide", "warning_closed")
    if dispute["status"] == "under_review" and words != ESCALATING:
        return closed(call, dispute, "decide", "won" if words == WINNING else "lost")
    return None


def escalate(call: Call, dispute: Json) -> None:
    """Turn an inquiry into a chargeback, which takes the money."""
    dispute["payment_method_details"]["card"].update(
        case_type="chargeback", network_reason_code=NETWORK_REASONS[dispute["reason"]]
    )
    dispute["evidence_details"]["due_by"] = due_by(call)
    previous = step(call, dispute, "escalate", "needs_response")
    call.later(dispute["evidence_details"]["due_by"] - call.now, "lapse_dispute", dispute["id"])
    call.emit("charge.dispute.updated", dispute, previous)
    withdraw(call, dispute)


def hurry(call: Call, dispute: Json, within_s: int) -> Json:
    """Bring the bank's deadline nearer, or put it off."""
    dispute["evidence_details"]["due_by"] = int(call.now) + within_s
    call.later(within_s, "lapse_dispute", dispute["id"])
    return call.change(dispute, "charge.dispute.updated")


@job("lapse_dispute")
def lapse(call: Call, ident: str) -> None:
    """End what was not answered in time, and an inquiry that never became a chargeback."""
    dispute = call.get("dispute", ident)
    chargeback = dispute["status"] == "needs_response"
    due = not chargeback or dispute["evidence_details"]["due_by"] <= call.now
    if due and DISPUTE.allows(dispute, "lapse"):
        closed(call, dispute, "lapse", "lost" if chargeback else "warning_closed")


def closed(call: Call, dispute: Json, operation: str, to: str) -> None:
    previous = step(call, dispute, operation, to)
    if to == "won":
        reinstate(call, dispute)
    call.emit("charge.dispute.closed", dispute, previous)


@route("POST", "/v1/disputes/{id}/close", "DisputeCloseParams")
def close(call: Call) -> Json:
    dispute = call.named("dispute", "dispute")
    DISPUTE.require(dispute, "close")
    inquiry = dispute["status"] == "warning_needs_response"
    closed(call, dispute, "close", "warning_closed" if inquiry else "lost")
    return dispute
