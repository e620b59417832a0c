"""Turn facts into events for other systems: ids, states and amounts, and no personal data."""

from collections.abc import Callable, Iterator
from typing import Any

from payments.doors.doors import Doors
from payments.facts.invoice import Invoice
from payments.facts.notification import TELLINGS, Notification

Event = dict[str, Any]


def events_of(notice: Notification, doors: Doors) -> list[Event]:
    """
    Return the events of a fact, in the order in which they are to be read.

    An event's id follows from the fact, so that a receiver recognizes an event that comes twice.
    """
    name = TELLINGS[notice.kind].events
    found = EVENTS[name](notice, doors) if name else ()
    return [
        {
            "id": f"evt_{notice.id}:{number}",
            "type": kind,
            "created_at": notice.created_at.isoformat(),
            "tenant": notice.tenant,
            **data,
        }
        for number, (kind, data) in enumerate(found)
    ]


def _payment_received(notice: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    payment = doors.store.payment(notice.tenant, notice.subject, notice.refs["source"])
    if not payment:
        return
    paid = {"payment": payment.id, "mode": payment.mode, "currency": payment.currency}
    for status in ("paid", "partially_paid"):
        for name in _listed(notice, status):
            amount = payment.allocated_to(name)
            invoice = doors.store.invoice(notice.tenant, name)
            yield f"invoice.{status}", {**_about(invoice), **paid, "amount": amount}
    yield from _released(notice, doors)


def _credit_applied(notice: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    """Yield the events of an invoice that credit has paid; the money is available at once."""
    home, amount = notice.refs["home"], int(notice.refs["amount"])
    payment = doors.store.payment(notice.tenant, home, notice.refs["source"])
    if not payment:
        return
    paid = {"payment": payment.id, "mode": payment.mode, "currency": payment.currency}
    invoice = doors.store.invoice(notice.tenant, notice.subject)
    for status in ("paid", "partially_paid"):
        for _ in _listed(notice, status):
            yield f"invoice.{status}", {**_about(invoice), **paid, "amount": amount}
    yield from _released(notice, doors)


def _invoice_paid(notice: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    """Yield the events of an invoice that became paid without a new payment."""
    invoice = doors.store.invoice(notice.tenant, notice.subject)
    nothing = {"payment": None, "mode": invoice.mode, "currency": invoice.currency, "amount": 0}
    yield "invoice.paid", {**_about(invoice), **nothing}
    yield from _released(notice, doors)


def _released(notice: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    for name in _listed(notice, "released"):
        yield "order.release", _about(doors.store.invoice(notice.tenant, name))


def _payment_failed(notice: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    attempt = doors.store.attempt(notice.tenant, notice.subject, notice.refs["attempt"])
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


def _action_required(notice: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    attempt = doors.store.attempt(notice.tenant, notice.subject, notice.refs["attempt"])
    if attempt and attempt.confirm_by:
        shown = ("invoice", "mode", "amount", "currency")
        data = {name: getattr(attempt, name) for name in shown}
        until = attempt.confirm_by.isoformat()
        yield notice.kind.value, {"attempt": attempt.id, **data, "confirm_by": until}


def _refund_changed(notice: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    refund = doors.store.refund(notice.tenant, notice.subject, notice.refs["refund"])
    if refund:
        shown = ("id", "payment", "amount", "currency", "mode", "reason")
        data = {name: getattr(refund, name) for name in shown} | {"status": notice.refs["status"]}
        for event in _listed(notice, "events"):
            yield f"refund.{event}", {"invoice": refund.invoice, "refund": data}


def _dispute_changed(notice: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    dispute = doors.store.dispute(notice.tenant, notice.subject, notice.refs["dispute"])
    if dispute:
        shown = ("id", "payment", "amount", "currency", "mode", "reason")
        data = {name: getattr(dispute, name, None) for name in shown}
        ended = notice.refs["status"] in {"won", "lost"}
        kind = f"dispute.{notice.refs['status'] if ended else 'created'}"
        yield kind, {"invoice": dispute.invoice, "dispute": data}
    yield from _released(notice, doors)


def _deadline(notice: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    dispute = doors.store.dispute(notice.tenant, notice.subject, notice.refs["dispute"])
    if dispute and dispute.due_by:
        shown = ("id", "payment", "amount", "currency", "mode", "reason")
        data = {name: getattr(dispute, name) for name in shown}
        data |= {"due_by": dispute.due_by.isoformat(), "days_left": int(notice.refs["days"])}
        yield notice.kind.value, {"invoice": dispute.invoice, "dispute": data}


def _account(notice: Notification, doors: Doors) -> Iterator[tuple[str, Event]]:
    account = doors.store.account(notice.tenant, notice.subject)
    yield notice.kind.value, {"account": account.id, "mode": notice.refs["mode"]}


def _about(invoice: Invoice) -> Event:
    return {
        "invoice": invoice.id,
        "number": invoice.number,
        "order_ref": invoice.order_ref,
        "held_for": invoice.held_for,
    }


def _listed(notice: Notification, name: str) -> list[str]:
    return [each for each in notice.refs.get(name, "").split(",") if each]


#: The events that other systems get, by the name in the table of tellings.
EVENTS: dict[str, Callable[[Notification, Doors], Iterator[tuple[str, Event]]]] = {
    "payment_received": _payment_received,
    "payment_failed": _payment_failed,
    "credit_applied": _credit_applied,
    "invoice_paid": _invoice_paid,
    "action_required": _action_required,
    "refund": _refund_changed,
    "dispute": _dispute_changed,
    "deadline": _deadline,
    "account": _account,
}
