"""One plausible value of every kind, to be changed where a test cares, and a clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

from payments.facts.account import Account, Slot
from payments.facts.attempt import Attempt, Channel
from payments.facts.customer import Customer, SavedMethod
from payments.facts.dispute import Dispute
from payments.facts.event import InboxEvent
from payments.facts.idempotency import IdempotencyRecord
from payments.facts.invoice import Invoice
from payments.facts.ledger import JournalEntry, payment_received
from payments.facts.link import LinkPointer, PayLink
from payments.facts.module import Grant, PaymentModule
from payments.facts.payment import Allocation, Fee, Payment, Remark
from payments.facts.refund import CreditNote, Refund
from payments.facts.reservation import Reservation
from payments.facts.run import Break, Run
from payments.facts.stripe_objects import Intent

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def pass_by(self, **amount: float) -> None:
        self.at += timedelta(**amount)


def invoice(**changes: Any) -> Invoice:
    fields = {
        "id": "inv_1",
        "tenant": "tulips",
        "number": "RE-1",
        "customer": "C1",
        "currency": "eur",
        "total": 100_00,
        "created_at": NOW,
    }
    return Invoice(**fields | changes)


def attempt(**changes: Any) -> Attempt:
    fields = {
        "id": "att_1",
        "tenant": "tulips",
        "invoice": "inv_1",
        "account": "acc_1",
        "mode": "test",
        "module": "mod_1",
        "customer": "C1",
        "channel": Channel.CHARGE,
        "amount": 100_00,
        "currency": "eur",
        "created_at": NOW,
    }
    return Attempt(**fields | changes)


def intent(**changes: Any) -> Intent:
    fields = {
        "id": "pi_1",
        "status": "succeeded",
        "amount": 100_00,
        "amount_received": 100_00,
        "currency": "eur",
        "livemode": False,
        "created": int(NOW.timestamp()),
    }
    return Intent(**fields | changes)


def dispute(**changes: Any) -> Dispute:
    fields = {
        "id": "dsp_1",
        "tenant": "tulips",
        "invoice": "inv_1",
        "payment": "pay_1",
        "customer": "C1",
        "account": "acc_1",
        "mode": "test",
        "stripe_id": "du_1",
        "charge": "ch_1",
        "amount": 100_00,
        "currency": "eur",
        "reason": "fraudulent",
        "status": "needs_response",
        "created_at": NOW,
    }
    return Dispute(**fields | changes)


def payment(**changes: Any) -> Payment:
    gross, invoice = changes.get("gross", 100_00), changes.get("invoice", "inv_1")
    fields = {
        "id": "pay_1",
        "tenant": "tulips",
        "invoice": "inv_1",
        "attempt": "att_1",
        "customer": "C1",
        "account": "acc_1",
        "mode": "test",
        "payment_intent": "pi_1",
        "charge": "ch_1",
        "gross": gross,
        "allocations": (Allocation(invoice=invoice, amount=gross),),
        "currency": "eur",
        "fee": Fee(),
        "note": Remark(brand="visa", last4="4242"),
        "paid_at": NOW,
    }
    return Payment(**fields | changes)


def refund(**changes: Any) -> Refund:
    amount = changes.get("amount", 100_00)
    rest = amount - changes.get("unapplied", 0)
    fields = {
        "id": "rfd_1",
        "tenant": "tulips",
        "invoice": "inv_1",
        "payment": "pay_1",
        "customer": "C1",
        "method": "stripe",
        "account": "acc_1",
        "mode": "test",
        "charge": "ch_1",
        "amount": amount,
        "currency": "eur",
        "allocations": (Allocation(invoice="inv_1", amount=rest),) if rest else (),
        "created_at": NOW,
    }
    return Refund(**fields | changes)


def credit_note(**changes: Any) -> CreditNote:
    fields = {
        "tenant": "tulips",
        "invoice": "inv_1",
        "refund": "rfd_1",
        "amount": 100_00,
        "currency": "eur",
        "issued_at": NOW,
    }
    return CreditNote(**fields | changes)


def journal_entry(**changes: Any) -> JournalEntry:
    return payment_received(payment(**changes))


def link(**changes: Any) -> PayLink:
    fields = {
        "id": "lnk_1",
        "tenant": "tulips",
        "invoice": "inv_1",
        "module": "mod_1",
        "digest": "d1",
        "created_at": NOW,
    }
    return PayLink(**fields | changes)


def pointer(**changes: Any) -> LinkPointer:
    fields = {"digest": "d1", "tenant": "tulips", "invoice": "inv_1", "link": "lnk_1"}
    return LinkPointer(**fields | changes)


def account(**changes: Any) -> Account:
    fields = {
        "id": "acc_1",
        "tenant": "tulips",
        "name": "Shop",
        "created_at": NOW,
        "slots": {"test": slot()},
    }
    return Account(**fields | changes)


def slot(**changes: Any) -> Slot:
    return Slot(**{"created_at": NOW} | changes)


def module(**changes: Any) -> PaymentModule:
    fields = {
        "id": "mod_1",
        "tenant": "tulips",
        "name": "Web",
        "account": "acc_1",
        "created_at": NOW,
    }
    return PaymentModule(**fields | changes)


def grant(**changes: Any) -> Grant:
    fields = {"tenant": "tulips", "profile": "sales", "module": "mod_1", "granted_at": NOW}
    return Grant(**fields | changes)


def customer(**changes: Any) -> Customer:
    fields = {"ref": "C1", "tenant": "tulips", "name": "Ada", "created_at": NOW}
    return Customer(**fields | changes)


def card(**changes: Any) -> SavedMethod:
    fields = {
        "id": "pm_1",
        "tenant": "tulips",
        "customer": "C1",
        "account": "acc_1",
        "mode": "test",
        "stripe_customer": "cus_1",
        "setup_intent": "seti_1",
        "consented_at": NOW,
    }
    return SavedMethod(**fields | changes)


def event(**changes: Any) -> InboxEvent:
    fields = {
        "id": "evt_1",
        "tenant": "tulips",
        "account": "acc_1",
        "mode": "test",
        "type": "payment_intent.succeeded",
        "object_id": "pi_1",
        "livemode": False,
        "received_at": NOW,
    }
    return InboxEvent(**fields | changes)


def run(**changes: Any) -> Run:
    fields = {
        "id": "run_1",
        "tenant": "tulips",
        "account": "acc_1",
        "mode": "test",
        "action": "heal",
        "window_from": NOW,
        "window_to": NOW,
        "created_at": NOW,
        "trigger": "request",
    }
    return Run(**fields | changes)


def found_break(**changes: Any) -> Break:
    fields = {
        "id": "brk_1",
        "tenant": "tulips",
        "account": "acc_1",
        "run": "run_1",
        "type": "missing_payment",
        "stripe_id": "pi_1",
        "detail": "pi_1",
        "found_at": NOW,
    }
    return Break(**fields | changes)


def reservation(**changes: Any) -> Reservation:
    fields = {"tenant": "tulips", "kind": "NUM", "value": "RE-1", "holder": "inv_1"}
    return Reservation(**fields | changes)


def idempotency_record(**changes: Any) -> IdempotencyRecord:
    fields = {
        "tenant": "tulips",
        "route": "POST /v1/invoices",
        "key": "k1",
        "fingerprint": "f1",
        "resource": "inv_1",
        "created_at": NOW,
        "locked_until": NOW,
        "owner": "own_1",
        "ttl": 1,
    }
    return IdempotencyRecord(**fields | changes)
