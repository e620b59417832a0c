"""What may follow what: every table is obeyed, and nothing but what it declares ever happens."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest
import stripe

from local.standin import StandIn, checkout, funds, payments
from local.standin.checkout.sessions import SESSION
from local.standin.engine.call import Call
from local.standin.engine.messages import Json
from local.standin.engine.states import MACHINES, Machine, UndeclaredTransition
from local.standin.funds.payouts import PAYOUT
from local.standin.payments.states import CHARGE, DISPUTE, INTENT, REFUND, SETUP
from tests.standin.ways import (
    ASKS,
    BOUNCES,
    DAY_S,
    DEBIT,
    DECLINED,
    DISPUTED,
    INQUIRED,
    REACH,
    VISA,
    Ways,
)

ALL = (INTENT, SETUP, CHARGE, REFUND, DISPUTE, PAYOUT, SESSION)
Step = tuple[str, str, str, str]
"""Kind, state, operation, the state that follows."""


def evidence(w: Ways, ident: str, **more: Any) -> None:
    w.v1.disputes.update(ident, {"evidence": {"uncategorized_text": "a receipt"}, **more})


# What a caller of the API may try, whatever the state.
OPERATIONS: dict[tuple[str, str], Callable[[Ways, str], Any]] = {
    ("payment_intent", "update"): lambda w, i: w.v1.payment_intents.update(i, {"amount": 2100}),
    ("payment_intent", "confirm"): lambda w, i: w.v1.payment_intents.confirm(
        i, {"payment_method": VISA}),
    ("payment_intent", "capture"): lambda w, i: w.v1.payment_intents.capture(i),
    ("payment_intent", "cancel"): lambda w, i: w.v1.payment_intents.cancel(i),
    ("setup_intent", "update"): lambda w, i: w.v1.setup_intents.update(
        i, {"payment_method": VISA}),
    ("setup_intent", "confirm"): lambda w, i: w.v1.setup_intents.confirm(i),
    ("setup_intent", "cancel"): lambda w, i: w.v1.setup_intents.cancel(i),
    ("charge", "refund"): lambda w, i: w.v1.refunds.create({"charge": i}),
    ("charge", "capture"): lambda w, i: w.v1.charges.capture(i),
    ("refund", "cancel"): lambda w, i: w.v1.refunds.cancel(i),
    ("refund", "expire"): lambda w, i: w.v1.test_helpers.refunds.expire(i),
    ("dispute", "stage"): lambda w, i: evidence(w, i, submit=False),
    ("dispute", "submit"): evidence,
    ("dispute", "close"): lambda w, i: w.v1.disputes.close(i),
    ("dispute", "refund"): lambda w, i: w.refund(str(w.read("dispute", i)["charge"])),
    ("payout", "cancel"): lambda w, i: w.v1.payouts.cancel(i),
    ("payout", "reverse"): lambda w, i: w.v1.payouts.reverse(i),
    ("checkout.session", "expire"): lambda w, i: w.v1.checkout.sessions.expire(i),
}  # fmt: skip
# By kind, by operation too, or even by state: what Stripe's documentation of errors says.
CODES: dict[tuple[str, ...], str] = {
    ("payment_intent",): "payment_intent_unexpected_state",
    ("setup_intent",): "setup_intent_unexpected_state",
    ("charge", "refund", "refunded"): "charge_already_refunded",
    ("charge", "capture", "captured"): "charge_already_captured",
    ("charge", "capture", "refunded"): "charge_already_captured",
    ("charge", "capture", "released"): "charge_already_refunded",
    ("dispute", "refund"): "charge_disputed",
}  # fmt: skip


def code_of(kind: str, operation: str, state: str) -> str | None:
    for key in ((kind, operation, state), (kind, operation), (kind,)):
        if key in CODES:
            return CODES[key]
    return None


FORBIDDEN = [
    (machine.kind, state, operation)
    for machine in ALL
    for state, allowed in machine.table.items()
    for kind, operation in OPERATIONS
    if kind == machine.kind and operation not in allowed
]


@pytest.mark.parametrize(("kind", "state", "operation"), FORBIDDEN)
def test_what_a_state_forbids_is_refused_and_changes_nothing(
    ways: Ways, kind: str, state: str, operation: str
) -> None:
    ident = ways.reach(kind, state)
    assert MACHINES[kind].state_of(ways.read(kind, ident)) == state
    before, money = ways.read(kind, ident), ways.truth()

    with pytest.raises(stripe.InvalidRequestError) as caught:
        OPERATIONS[kind, operation](ways, ident)

    assert (caught.value.http_status, caught.value.code) == (400, code_of(kind, operation, state))
    assert (ways.read(kind, ident), ways.truth()) == (before, money)


SENTENCES = {
    ("payment_intent", "succeeded", "cancel"): (
        "You cannot cancel this PaymentIntent because it has a status of succeeded. Only a "
        "PaymentIntent with one of the following statuses may be canceled: "
        "requires_payment_method, requires_capture, requires_confirmation, requires_action."
    ),
    ("payment_intent", "succeeded", "update"): (
        "This PaymentIntent's amount could not be updated because it has a status of succeeded. "
        "You may only update the amount of a PaymentIntent with one of the following statuses: "
        "requires_payment_method, requires_confirmation, requires_action."
    ),
    ("payment_intent", "requires_payment_method", "capture"): (
        "This PaymentIntent could not be captured because it has a status of "
        "requires_payment_method. Only a PaymentIntent with one of the following statuses may be "
        "captured: requires_capture."
    ),
    ("setup_intent", "succeeded", "cancel"): (
        "You cannot cancel this SetupIntent because it has a status of succeeded. Only a "
        "SetupIntent with one of the following statuses may be canceled: "
        "`requires_payment_method`, `requires_confirmation`, or `requires_action`."
    ),
    ("dispute", "lost", "close"): "This dispute is already closed",
    ("refund", "succeeded", "cancel"): "Canceling this refund is unsupported.",
    ("checkout.session", "expired", "expire"): (
        'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session '
        "has a status of `expired`."
    ),
}


@pytest.mark.parametrize(("kind", "state", "operation"), SENTENCES)
def test_a_refusal_reads_as_stripe_s(ways: Ways, kind: str, state: str, operation: str) -> None:
    ident = ways.reach(kind, state)

    with pytest.raises(stripe.InvalidRequestError) as caught:
        OPERATIONS[kind, operation](ways, ident)

    assert caught.value.user_message == SENTENCES[kind, state, operation]


CONFIRMED = {
    "succeeded": VISA, "requires_capture": VISA, "processing": DEBIT, "requires_action": ASKS,
    "requires_payment_method": DECLINED,
}  # fmt: skip
SET_UP = {"succeeded": VISA, "requires_action": ASKS, "requires_payment_method": DECLINED}
UNCONFIRMED = {
    "requires_payment_method": {"card": None, "confirm": False},
    "requires_confirmation": {"card": VISA, "confirm": False},
    "requires_action": {"card": ASKS},
}  # fmt: skip
ASKED_THEN_DECLINED = "pm_card_threeDSecureRequiredChargeDeclined"


def hold(to: str) -> dict[str, str]:
    return {"capture_method": "manual"} if to == "requires_capture" else {}


def confirming(state: str, to: str) -> Callable[[Ways], Any]:
    return lambda w: w.confirmed(w.intent(**UNCONFIRMED[state], **hold(to)), CONFIRMED[to])


def setting_up(state: str, to: str) -> Callable[[Ways], Any]:
    return lambda w: w.set_up(w.setup(**UNCONFIRMED[state]), SET_UP[to])


def trying(kind: str, state: str, operation: str) -> Callable[[Ways], Any]:
    return lambda w: OPERATIONS[kind, operation](w, w.reach(kind, state))


def cleared(w: Ways, card: str) -> None:
    w.intent(card)
    w.wait(5 * DAY_S)


def undone(w: Ways, amount: int) -> None:
    w.refund(w.charge("pm_card_refundFail"), amount=amount)
    w.wait(60)


def stage(w: Ways, card: str) -> None:
    evidence(w, w.dispute(card), submit=False)


def described(w: Ways, ident: str) -> None:
    w.v1.payment_intents.update(ident, {"description": "Tea"})


def noted(w: Ways, ident: str) -> None:
    w.v1.setup_intents.update(ident, {"description": "Tea"})


def lapsed(w: Ways, ident: str) -> None:
    assert ident
    w.wait(121 * DAY_S)


def recharged(w: Ways, ident: str) -> None:
    w.v1.payment_intents.update(ident, {"payment_method": VISA})


PI, SI = "payment_intent", "setup_intent"
STEPS: dict[Step, Callable[[Ways], Any]] = {
    **{(PI, state, "confirm", to): confirming(state, to)
       for state, to in product(UNCONFIRMED, CONFIRMED)},
    **{(SI, state, "confirm", to): setting_up(state, to)
       for state, to in product(UNCONFIRMED, SET_UP)},
    **{(kind, state, "cancel", "canceled"): trying(kind, state, "cancel")
       for kind in (PI, SI) for state in UNCONFIRMED},
    **{(SI, state, "update", "requires_confirmation"): trying(SI, state, "update")
       for state in UNCONFIRMED},
    (PI, "requires_capture", "cancel", "canceled"): trying(PI, "requires_capture", "cancel"),
    (PI, "requires_capture", "capture", "succeeded"): trying(PI, "requires_capture", "capture"),
    (PI, "requires_payment_method", "update", "requires_payment_method"): trying(
        PI, "requires_payment_method", "update"),
    (PI, "requires_payment_method", "update", "requires_confirmation"): lambda w: recharged(
        w, w.reach(PI, "requires_payment_method")),
    (PI, "requires_confirmation", "update", "requires_confirmation"): trying(
        PI, "requires_confirmation", "update"),
    (PI, "requires_action", "update", "requires_confirmation"): trying(
        PI, "requires_action", "update"),
    (PI, "requires_action", "update", "requires_action"): lambda w: described(
        w, w.reach(PI, "requires_action")),
    (PI, "requires_action", "authenticate", "succeeded"): lambda w: w.answered(
        w.intent(ASKS), "pass"),
    (PI, "requires_action", "authenticate", "requires_capture"): lambda w: w.answered(
        w.intent(ASKS, capture_method="manual"), "pass"),
    (PI, "requires_action", "authenticate", "requires_payment_method"): lambda w: w.answered(
        w.intent(ASKED_THEN_DECLINED), "pass"),
    (PI, "processing", "clear", "succeeded"): lambda w: cleared(w, DEBIT),
    (PI, "processing", "clear", "requires_payment_method"): lambda w: cleared(w, BOUNCES),
    (SI, "requires_payment_method", "update", "requires_payment_method"): lambda w: noted(
        w, w.reach(SI, "requires_payment_method")),
    (SI, "requires_action", "update", "requires_action"): lambda w: noted(
        w, w.reach(SI, "requires_action")),
    (SI, "requires_action", "authenticate", "succeeded"): lambda w: w.answered(
        w.setup(ASKS), "pass"),
    (SI, "requires_action", "authenticate", "requires_payment_method"): lambda w: w.answered(
        w.setup(ASKS), "fail"),
    ("charge", "pending", "clear", "captured"): lambda w: cleared(w, DEBIT),
    ("charge", "pending", "clear", "failed"): lambda w: cleared(w, BOUNCES),
    ("charge", "pending", "refund", "pending"): trying("charge", "pending", "refund"),
    ("charge", "uncaptured", "capture", "captured"): trying(PI, "requires_capture", "capture"),
    ("charge", "uncaptured", "release", "released"): trying(PI, "requires_capture", "cancel"),
    ("charge", "captured", "refund", "captured"): lambda w: w.refund(w.charge(), amount=5),
    ("charge", "captured", "refund", "refunded"): trying("charge", "captured", "refund"),
    ("charge", "captured", "refund_undone", "captured"): lambda w: undone(w, 5),
    ("charge", "refunded", "refund_undone", "captured"): lambda w: undone(w, 2000),
    ("refund", "pending", "finish", "succeeded"): lambda w: (
        w.reach("refund", "pending"), w.wait(60)),
    ("refund", "pending", "void", "canceled"): lambda w: (
        w.refund(w.charge(BOUNCES)), w.wait(5 * DAY_S)),
    ("refund", "requires_action", "cancel", "canceled"): lambda w: w.reach("refund", "canceled"),
    ("refund", "requires_action", "expire", "failed"): lambda w: w.reach("refund", "failed"),
    ("refund", "succeeded", "fail", "failed"): lambda w: undone(w, 5),
    ("dispute", "warning_needs_response", "stage", "warning_needs_response"): lambda w: stage(
        w, INQUIRED),
    ("dispute", "needs_response", "stage", "needs_response"): lambda w: stage(w, DISPUTED),
    ("dispute", "warning_needs_response", "submit", "warning_under_review"): trying(
        "dispute", "warning_needs_response", "submit"),
    ("dispute", "needs_response", "submit", "under_review"): trying(
        "dispute", "needs_response", "submit"),
    ("dispute", "warning_needs_response", "close", "warning_closed"): trying(
        "dispute", "warning_needs_response", "close"),
    ("dispute", "needs_response", "close", "lost"): trying("dispute", "needs_response", "close"),
    ("dispute", "warning_needs_response", "lapse", "warning_closed"): lambda w: lapsed(
        w, w.reach("dispute", "warning_needs_response")),
    ("dispute", "warning_under_review", "lapse", "warning_closed"): lambda w: lapsed(
        w, w.reach("dispute", "warning_under_review")),
    ("dispute", "needs_response", "lapse", "lost"): lambda w: lapsed(
        w, w.reach("dispute", "needs_response")),
    ("dispute", "warning_under_review", "decide", "warning_closed"): lambda w: w.decided(
        w.dispute(INQUIRED), "winning_evidence"),
    ("dispute", "warning_under_review", "escalate", "needs_response"): lambda w: w.decided(
        w.dispute(INQUIRED), "escalate_inquiry_evidence"),
    ("dispute", "under_review", "decide", "won"): lambda w: w.decided(
        w.dispute(), "winning_evidence"),
    ("dispute", "under_review", "decide", "lost"): lambda w: w.decided(
        w.dispute(), "losing_evidence"),
    **{("dispute", state, "refund", state): trying("dispute", state, "refund")
       for state in ("warning_needs_response", "warning_under_review", "warning_closed", "won")},
    ("payout", "pending", "cancel", "canceled"): trying("payout", "pending", "cancel"),
    ("payout", "pending", "send", "in_transit"): lambda w: w.payout(days=1),
    ("payout", "in_transit", "pay", "paid"): lambda w: w.payout(days=2),
    ("payout", "in_transit", "fail", "failed"): lambda w: w.bank(w.payout(), "failed"),
    ("payout", "paid", "fail", "failed"): lambda w: w.bank(w.payout(days=2), "failed"),
    ("payout", "paid", "reverse", "paid"): trying("payout", "paid", "reverse"),
    ("checkout.session", "open", "complete", "complete"): lambda w: w.paid(w.session()),
    ("checkout.session", "open", "expire", "expired"): lambda w: w.expired(w.session()),
}  # fmt: skip
DECLARED = {
    (machine.kind, state, operation, to)
    for machine in ALL
    for state, operations in machine.table.items()
    for operation, after in operations.items()
    for to in after
}


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> set[Step]:
    """Collect the steps that are taken."""
    seen: set[Step] = set()
    move = Machine.move

    def watched(self: Machine, obj: Json, operation: str, to: str, **changes: Any) -> None:
        state = self.state_of(obj)
        move(self, obj, operation, to, **changes)
        seen.add((self.kind, state, operation, to))

    monkeypatch.setattr(Machine, "move", watched)
    return seen


@pytest.mark.parametrize("step", sorted(DECLARED), ids="-".join)
def test_every_declared_step_is_taken(ways: Ways, taken: set[Step], step: Step) -> None:
    if step in {(k, s, "refund", s) for k, s, *_ in DECLARED if k == "dispute"}:
        # A refund leaves the dispute as it is: it is allowed by the table, and no step of it.
        STEPS[step](ways)
        return

    STEPS[step](ways)

    assert step in taken


UNDECLARED = [
    (machine, before, after)
    for machine in ALL
    for before, after in product(machine.table, repeat=2)
    if before != after and not any(after in to for to in machine.table[before].values())
]
AS_A_CHARGE: dict[str, Json] = {
    "pending": {"status": "pending"}, "failed": {"status": "failed"},
    "uncaptured": {"status": "succeeded", "captured": False, "refunded": False},
    "released": {"status": "succeeded", "captured": False, "refunded": True},
    "captured": {"status": "succeeded", "captured": True, "refunded": False},
    "refunded": {"status": "succeeded", "captured": True, "refunded": True},
}  # fmt: skip


def an_object(machine: Machine, state: str) -> Json:
    facts = AS_A_CHARGE[state] if machine is CHARGE else {"status": state}
    return {"id": "obj_1", "object": machine.kind, **facts}


@pytest.fixture
def call(standin: StandIn) -> Iterator[Call]:
    standin.store.begin()
    yield Call(standin, "acct_1")
    standin.store.rollback()


@pytest.mark.parametrize(
    ("machine", "before", "after"), UNDECLARED, ids=lambda v: getattr(v, "kind", v)
)
def test_nothing_undeclared_is_ever_written(
    call: Call, machine: Machine, before: str, after: str
) -> None:
    call.store.insert(call.scope, an_object(machine, before))

    with pytest.raises(UndeclaredTransition):
        call.save(an_object(machine, after))

    kept = call.find(machine.kind, "obj_1")
    assert kept == an_object(machine, before)


@pytest.mark.parametrize("machine", ALL, ids=lambda m: m.kind)
def test_nothing_begins_in_a_later_state(call: Call, machine: Machine) -> None:
    for state in machine.table:
        if state not in machine.initial:
            with pytest.raises(UndeclaredTransition):
                call.insert(an_object(machine, state))


@pytest.mark.parametrize("machine", ALL, ids=lambda m: m.kind)
def test_a_step_that_the_table_lacks_cannot_be_taken(machine: Machine) -> None:
    for state, operation, to in product(machine.table, ["no such operation"], machine.table):
        with pytest.raises(UndeclaredTransition):
            machine.move(an_object(machine, state), operation, to)


def literals(hint: Any) -> set[str]:
    if isinstance(hint, str):
        return {hint}
    return {name for part in get_args(hint) for name in literals(part)}


OF_THE_SDK = [
    (INTENT, stripe.PaymentIntent), (SETUP, stripe.SetupIntent), (CHARGE, stripe.Charge),
    (DISPUTE, stripe.Dispute), (SESSION, stripe.checkout.Session),
]  # fmt: skip


@pytest.mark.parametrize(("machine", "theirs"), OF_THE_SDK, ids=lambda v: getattr(v, "kind", ""))
def test_the_states_are_those_that_the_sdk_names(machine: Machine, theirs: Any) -> None:
    declared = literals(theirs.__annotations__["status"])

    shown = {an_object(machine, state)["status"] for state in machine.table}
    assert shown | set(machine.unreached) == declared
    assert not shown & set(machine.unreached)


def test_every_state_is_reached() -> None:
    assert set(REACH) == {(machine.kind, state) for machine in ALL for state in machine.table}
    assert set(MACHINES) == {machine.kind for machine in ALL}
    assert set(STEPS) == DECLARED


def test_a_status_is_changed_by_its_table_alone() -> None:
    by_hand = []
    for room in (payments, funds, checkout):
        for path in sorted(Path(room.__path__[0]).glob("*.py")):
            by_hand += [f"{room.__name__}/{path.name}" for node in ast.walk(ast.parse(
                path.read_text())) if sets_status(node)]  # fmt: skip

    # A balance transaction becomes available, and has no other way to go; an attempt to save a
    # card ends as its intent does.
    assert by_hand == ["local.standin.payments/setup_attempts.py", "local.standin.funds/balance.py"]


def sets_status(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return any(ast.unparse(target).endswith("['status']") for target in node.targets)
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(".update")
        and any(keyword.arg == "status" for keyword in node.keywords)
    )


def test_a_bug_in_a_transition_is_loud(
    client: stripe.StripeClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Machine, "follows", lambda *_: False)
    intent = client.v1.payment_intents.create({"amount": 900, "currency": "usd"}).id

    with suppress(stripe.InvalidRequestError), pytest.raises(stripe.APIError):
        client.v1.payment_intents.cancel(intent)

    assert "UndeclaredTransition" in capsys.readouterr().err
