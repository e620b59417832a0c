"""What may follow what: payment and setup intents, charges, refunds and disputes, a table each."""

from __future__ import annotations

from local.standin.engine.messages import Json
from local.standin.engine.states import Machine, Refusal, declared

TRIED = ("succeeded", "requires_capture", "processing", "requires_action",
         "requires_payment_method")  # fmt: skip
HOLD = "https://stripe.com/docs/payments/place-a-hold-on-a-payment-method"

# In the order in which Stripe's sentences list the states.
INTENT = declared(Machine(
    "payment_intent",
    initial=("requires_payment_method",),
    table={
        "requires_payment_method": {
            "update": ("requires_payment_method", "requires_confirmation"), "confirm": TRIED,
            "cancel": ("canceled",),
        },
        "requires_capture": {"capture": ("succeeded",), "cancel": ("canceled",)},
        "requires_confirmation": {
            "update": ("requires_confirmation",), "confirm": TRIED, "cancel": ("canceled",),
        },
        "requires_action": {
            "update": ("requires_action", "requires_confirmation"), "confirm": TRIED,
            "authenticate": ("succeeded", "requires_capture", "requires_payment_method"),
            "cancel": ("canceled",),
        },
        # In rare cases Stripe cancels here as well; a debit that it has sent is not one of them.
        "processing": {"clear": ("succeeded", "requires_payment_method")},
        "succeeded": {},
        "canceled": {},
    },
    refusals={
        "update": Refusal(
            "This PaymentIntent's {param} could not be updated because it has a status of "
            "{status}. You may only update the {param} of a PaymentIntent with one of the "
            "following statuses: {allowed}.",
            "payment_intent_unexpected_state",
        ),
        "confirm": Refusal(
            "You cannot confirm this PaymentIntent because it has a status of {status}. Only a "
            "PaymentIntent with one of the following statuses may be confirmed: {allowed}.",
            "payment_intent_unexpected_state",
        ),
        ("confirm", "succeeded"): Refusal(
            "You cannot confirm this PaymentIntent because it has already succeeded after being "
            "previously confirmed.",
            "payment_intent_unexpected_state",
        ),
        "capture": Refusal(
            "This PaymentIntent could not be captured because it has a status of {status}. Only a "
            "PaymentIntent with one of the following statuses may be captured: {allowed}.",
            "payment_intent_unexpected_state",
        ),
        ("capture", "succeeded"): Refusal(
            "The remaining amount on this PaymentIntent could not be captured because the "
            "remainder of the authorized amount has been released.",
            "payment_intent_unexpected_state",
        ),
        "cancel": Refusal(
            "You cannot cancel this PaymentIntent because it has a status of {status}. Only a "
            "PaymentIntent with one of the following statuses may be canceled: {allowed}.",
            "payment_intent_unexpected_state",
        ),
    },
))  # fmt: skip

SET_UP = ("succeeded", "requires_action", "requires_payment_method")
SETUP = declared(Machine(
    "setup_intent",
    initial=("requires_payment_method",),
    table={
        "requires_payment_method": {
            "update": ("requires_payment_method", "requires_confirmation"), "confirm": SET_UP,
            "cancel": ("canceled",),
        },
        "requires_confirmation": {
            "update": ("requires_confirmation",), "confirm": SET_UP, "cancel": ("canceled",),
        },
        "requires_action": {
            "update": ("requires_action", "requires_confirmation"), "confirm": SET_UP,
            "authenticate": ("succeeded", "requires_payment_method"), "cancel": ("canceled",),
        },
        "succeeded": {},
        "canceled": {},
    },
    unreached=("processing",),
    refusals={
        "update": Refusal(
            "You cannot update this SetupIntent because it has been canceled.",
            "setup_intent_unexpected_state",
        ),
        ("update", "succeeded"): Refusal(
            "You cannot update this SetupIntent because it has already succeeded.",
            "setup_intent_unexpected_state",
        ),
        "confirm": Refusal(
            "You cannot confirm this SetupIntent because it has been canceled.",
            "setup_intent_unexpected_state",
        ),
        ("confirm", "succeeded"): Refusal(
            "You cannot confirm this SetupIntent because it has already succeeded.",
            "setup_intent_unexpected_state",
        ),
        "cancel": Refusal(
            "You cannot cancel this SetupIntent because it has a status of {status}. Only a "
            "SetupIntent with one of the following statuses may be canceled: {either}.",
            "setup_intent_unexpected_state",
        ),
        ("cancel", "canceled"): Refusal(
            "You cannot cancel this SetupIntent because it is already canceled.",
            "setup_intent_unexpected_state",
        ),
    },
))  # fmt: skip


def charge_state(charge: Json) -> str:
    """Tell apart what a charge's status calls by one name: held, taken, given back."""
    if charge["status"] != "succeeded":
        return str(charge["status"])
    if not charge["captured"]:
        return "released" if charge["refunded"] else "uncaptured"
    return "refunded" if charge["refunded"] else "captured"


NOTHING_TO_REFUND = Refusal(
    "This PaymentIntent ({payment_intent}) does not have a successful charge to refund."
)
CHARGE = declared(Machine(
    "charge",
    # A destination sees its part of a payment as a charge that was captured from the beginning.
    initial=("pending", "failed", "uncaptured", "captured"),
    table={
        "pending": {"clear": ("captured", "failed"), "refund": ("pending",)},
        "failed": {},
        "uncaptured": {"capture": ("captured",), "release": ("released",)},
        "released": {},
        "captured": {"refund": ("captured", "refunded"), "refund_undone": ("captured",)},
        "refunded": {"refund_undone": ("captured",)},
    },
    refusals={
        "refund": NOTHING_TO_REFUND,
        ("refund", "uncaptured"): Refusal(
            "This uncaptured Charge was created by a PaymentIntent ({payment_intent}). You must "
            "cancel the PaymentIntent to reverse the authorization instead of refunding the Charge "
            f"directly. For more information, see {HOLD}"
        ),
        ("refund", "refunded"): Refusal(
            "Charge {id} has already been refunded.", "charge_already_refunded"
        ),
        "capture": Refusal(
            "Charge {id} has already been captured.", "charge_already_captured"
        ),
        ("capture", "failed"): Refusal("Charge {id} has failed, so it cannot be captured."),
        ("capture", "pending"): Refusal("Charge {id} is pending, so it cannot be captured."),
        ("capture", "released"): Refusal(
            "Charge {id} has already been refunded.", "charge_already_refunded"
        ),
    },
    state_of=charge_state,
))  # fmt: skip

REFUND = declared(Machine(
    "refund",
    initial=("pending", "requires_action", "succeeded"),
    table={
        "pending": {"finish": ("succeeded",), "void": ("canceled",)},
        "requires_action": {"cancel": ("canceled",), "expire": ("failed",)},
        "succeeded": {"fail": ("failed",)},
        "failed": {},
        "canceled": {},
    },
    refusals={
        "cancel": Refusal("Canceling this refund is unsupported."),
        "expire": Refusal("You can only expire a refund with a status of requires_action."),
    },
))  # fmt: skip

CLOSED = Refusal("This dispute is already closed")
DISPUTE = declared(Machine(
    "dispute",
    initial=("warning_needs_response", "needs_response"),
    table={
        "warning_needs_response": {
            "stage": ("warning_needs_response",), "submit": ("warning_under_review",),
            "close": ("warning_closed",), "lapse": ("warning_closed",),
            "refund": ("warning_needs_response",),
        },
        "warning_under_review": {
            "decide": ("warning_closed",), "escalate": ("needs_response",),
            "lapse": ("warning_closed",), "refund": ("warning_under_review",),
        },
        "warning_closed": {"refund": ("warning_closed",)},
        "needs_response": {
            "stage": ("needs_response",), "submit": ("under_review",), "close": ("lost",),
            "lapse": ("lost",),
        },
        "under_review": {"decide": ("won", "lost")},
        "won": {"refund": ("won",)},
        "lost": {},
    },
    unreached=("prevented", "appeal_needs_response", "appeal_under_review"),
    refusals={
        "stage": CLOSED,
        "submit": CLOSED,
        "close": CLOSED,
        "refund": Refusal(
            "Charge {charge} has been charged back; cannot issue a refund.", "charge_disputed"
        ),
    },
))  # fmt: skip
