"""Facts as other systems hear of them: ids, states and amounts, and nothing about a person."""

from collections.abc import Callable, Iterator
from typing import Any

from payments.doors.doors import Doors
from payments.facts.invoice import Invoice
from payments.facts.notification import Kind, Notification

Event = dict[str, Any]


def events_of(told: Notification, doors: Doors) -> list[Event]:
    """
    Return the events of a fact, in the order in which they are to be read.

    The id of an event follows from the fact: whoever gets it twice sees that it is the same.
    """
    found = EVENTS[told.kind](told, doors) if told.kind in EVENTS else ()
    return [
        {
            "id": f"evt_{told.id}:{number}",
            "type": kind,
            "created_at": told.created_at.isoformat(),
            "tenant": told.tenant,
            **data,
        }
        for number, (kind, data) in enumerate(found)
    ]


def _received(told: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    payment = doors.store.payment(told.tenant, told.subject, told.refs["source"])
    if not payment:
        return
    paid = {"payment": payment.id, "mode": payment.mode, "currency": payment.currency}
    for status in ("paid", "partially_paid"):
        for name in _listed(told, status):
            amount = payment.allocated_to(name)
            invoice = doors.store.invoice(told.tenant, name)
            yield f"invoice.{status}", {**_about(invoice), **paid, "amount": amount}
    yield from _released(told, doors)


def _credited(told: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    """Yield what credit has paid: it is settled money, as if it had just come."""
    home, amount = told.refs["home"], int(told.refs["amount"])
    payment = doors.store.payment(told.tenant, home, told.refs["source"])
    if not payment:
        return
    paid = {"payment": payment.id, "mode": payment.mode, "currency": payment.currency}
    invoice = doors.store.invoice(told.tenant, told.subject)
    for status in ("paid", "partially_paid"):
        for _ in _listed(told, status):
            yield f"invoice.{status}", {**_about(invoice), **paid, "amount": amount}
    yield from _released(told, doors)


def _invoice_paid(told: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    """Yield that it is paid, by no payment that comes now."""
    invoice = doors.store.invoice(told.tenant, told.subject)
    nothing = {"payment": None, "mode": invoice.mode, "currency": invoice.currency, "amount": 0}
    yield "invoice.paid", {**_about(invoice), **nothing}
    yield from _released(told, doors)


def _released(told: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    for name in _listed(told, "released"):
        yield "order.release", _about(doors.store.invoice(told.tenant, name))


def _failed(told: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    attempt = doors.store.attempt(told.tenant, told.subject, told.refs["attempt"])
    if attempt:
        decline = attempt.decline.model_dump(exclude={"charge"}) if attempt.decline else None
        yield (
            "payment.failed",
            {
                "invoice": attempt.invoice,
                "attempt": attempt.id,
                "mode": attempt.mode,
                "amount": attempt.amount,
                "currency": attempt.currency,
                "decline": decline,
            },
        )


def _action_required(told: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    attempt = doors.store.attempt(told.tenant, told.subject, told.refs["attempt"])
    if attempt and attempt.confirm_by:
        shown = ("invoice", "mode", "amount", "currency")
        data = {name: getattr(attempt, name) for name in shown}
        until = attempt.confirm_by.isoformat()
        yield told.kind.value, {"attempt": attempt.id, **data, "confirm_by": until}


def _refund(told: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    refund = doors.store.refund(told.tenant, told.subject, told.refs["refund"])
    if refund:
        shown = ("id", "payment", "amount", "currency", "mode", "reason")
        data = {name: getattr(refund, name) for name in shown} | {"status": told.refs["status"]}
        for event in _listed(told, "events"):
            yield f"refund.{event}", {"invoice": refund.invoice, "refund": data}


def _dispute(told: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    dispute = doors.store.dispute(told.tenant, told.subject, told.refs["dispute"])
    if dispute:
        shown = ("id", "payment", "amount", "currency", "mode", "reason")
        data = {name: getattr(dispute, name, None) for name in shown}
        ended = told.refs["status"] in {"won", "lost"}
        kind = f"dispute.{told.refs['status'] if ended else 'created'}"
        yield kind, {"invoice": dispute.invoice, "dispute": data}
    yield from _released(told, doors)


def _deadline(told: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    dispute = doors.store.dispute(told.tenant, told.subject, told.refs["dispute"])
    if dispute and dispute.due_by:
        shown = ("id", "payment", "amount", "currency", "mode", "reason")
        data = {name: getattr(dispute, name) for name in shown}
        data |= {"due_by": dispute.due_by.isoformat(), "days_left": int(told.refs["days"])}
        yield told.kind.value, {"invoice": dispute.invoice, "dispute": data}


def _account(told: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    account = doors.store.account(told.tenant, told.subject)
    yield told.kind.value, {"account": account.id, "mode": told.refs["mode"]}


def _about(invoice: Invoice) -> Event:
    return {
        "invoice": invoice.id,
        "number": invoice.number,
        "order_ref": invoice.order_ref,
        "held_for": invoice.held_for,
    }


def _listed(told: Notification, name: str) -> list[str]:
    return [each for each in told.refs.get(name, "").split(",") if each]


#: By fact: what other systems hear.
EVENTS: dict[Kind, Callable[[Notification, Doors], Iterator[tuple[str, Event]]]] = {
    Kind.PAYMENT_RECEIVED: _received,
    Kind.PAYMENT_FAILED: _failed,
    Kind.CREDIT_APPLIED: _credited,
    Kind.INVOICE_SETTLED: _invoice_paid,
    Kind.ACTION_REQUIRED: _action_required,
    Kind.REFUND_CHANGED: _refund,
    Kind.REFUND_NOTED: _refund,
    Kind.DISPUTE_CHANGED: _dispute,
    Kind.DISPUTE_DEADLINE: _deadline,
    Kind.ACCOUNT_ERROR: _account,
    Kind.ACCOUNT_RECOVERED: _account,
}
