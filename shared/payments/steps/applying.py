"""
The one place where money enters the books.

A charge's answer, the payer's return, webhooks, the sweep and reconciliation all end here, in any
order and any number of times: Stripe's charge id decides, not the path it came by.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from payments.doors.doors import Doors
from payments.doors.store import Change, Reservation, change
from payments.doors.table import RowChanged
from payments.errors import TooMuchContention
from payments.facts.attempt import Attempt, AttemptStatus
from payments.facts.credit import CustomerCredit
from payments.facts.customer import Customer, SavedMethod
from payments.facts.invoice import Invoice
from payments.facts.ledger import JournalEntry, fee_taken, payment_received, recovered, surcharged
from payments.facts.notification import Kind, Notification
from payments.facts.payment import Allocation, Fee, FeeDetail, Note, Payment, Share, allocate
from payments.facts.personal import bare_note
from payments.facts.refund import Refund
from payments.facts.stripe_objects import (
    BalanceTransaction,
    Card,
    Charge,
    Intent,
    OutcomeUnknown,
    PaymentMethod,
    Session,
    SetupIntent,
)
from payments.steps.noticing import coverage, of_invoice, of_refund
from payments.steps.recovering import recoveries

T = TypeVar("T")

#: Stripe tells of one fact in several events at once, and each of them writes the same rows.
TRIES = 10
#: How often to ask after a bank debit, which takes days and cannot be stopped.
DEBIT_EVERY = timedelta(days=1)


class NotOurs(Exception):
    """The object was not made by us: the merchant sells elsewhere too."""


class OtherConnection(NotOurs):
    """The merchant connected one Stripe account twice: the other connection books it."""


class UnknownAttempt(Exception):
    """The object names an attempt that is not here, or not yet."""


class Mismatch(Exception):
    """The object contradicts what we asked Stripe for; nothing may be booked from it unseen."""


def apply_intent(intent: Intent, *, tenant: str, account: str, mode: str, doors: Doors) -> Attempt:
    """
    Bring what Stripe says of a PaymentIntent into the books and return its attempt.

    `tenant`, `account` and `mode` say whose Stripe account was asked; the metadata only finds the
    attempt there. Raise NotOurs, UnknownAttempt or Mismatch.
    """
    attempt = _attempt_of(intent.metadata, tenant, doors)
    return _apply_to(attempt, intent, account, mode, doors)


def _apply_to(attempt: Attempt, intent: Intent, account: str, mode: str, doors: Doors) -> Attempt:
    """Bring the intent of an attempt that was just read into the books."""
    _require_match(intent, attempt, account, mode)
    if intent.status == "succeeded":
        paid = apply_payment(attempt, intent, doors=doors)
        if paid.save_card:
            _save_paid_card(paid, intent, doors)
        return paid
    if intent.status == "processing":
        return advance(
            attempt,
            AttemptStatus.PROCESSING,
            doors=doors,
            payment_intent=intent.id,
            sweep_at=doors.now() + DEBIT_EVERY,
        )
    if intent.status == "canceled" and not attempt.channel.has_session:
        end = AttemptStatus.FAILED if intent.decline else AttemptStatus.CANCELED
        return advance(attempt, end, doors=doors, payment_intent=intent.id, decline=intent.decline)
    if intent.status == "requires_payment_method" and attempt.status is AttemptStatus.PROCESSING:
        return _debit_failed(attempt, intent, doors)
    return attempt


def apply_session(session: Session, *, tenant: str, account: str, mode: str, doors: Doors) -> None:
    """
    Bring what Stripe says of a Checkout Session into the books.

    A payment, a saved card, or its end.
    """
    if session.mode == "setup":
        setup = session.setup_intent
        if isinstance(setup, SetupIntent):
            books = {"tenant": tenant, "account": account, "mode": mode}
            save_card(setup, session.metadata, **books, doors=doors)
        return
    attempt, intent = _attempt_of(session.metadata, tenant, doors), session.payment_intent
    if isinstance(intent, Intent):
        if intent.metadata == session.metadata:
            attempt = _apply_to(attempt, intent, account, mode, doors)
        else:
            attempt = apply_intent(intent, tenant=tenant, account=account, mode=mode, doors=doors)
        if session.status == "complete" and intent.status == "requires_payment_method":
            # It failed before anybody heard that it was processing: nobody can pay it any more.
            attempt = _debit_failed(attempt, intent, doors)
    if session.status == "expired" and attempt.is_open:
        advance(attempt, AttemptStatus.EXPIRED, doors=doors)


def apply_payment(attempt: Attempt, intent: Intent, *, doors: Doors) -> Attempt:
    """
    Count a succeeded PaymentIntent exactly once and return its attempt.

    One transaction: the payment under its charge's id, the invoices and the attempt at the versions
    seen, the customer's credit, the journal. Whoever comes second finds the payment and changes
    nothing.
    """
    charge = intent.charge
    #: As it was read a moment ago: good for the first try, at the version that it has.
    read = [attempt]

    def step() -> Attempt:
        counted = doors.store.payment(attempt.tenant, attempt.invoice, charge.id)
        current = read.pop() if read else _latest(attempt, doors)
        if counted:
            apply_fee(counted, charge, doors=doors)
            knew = current.status is AttemptStatus.SUCCEEDED
            return current if knew else _latest(current, doors)
        seen = _invoices(current, doors)
        invoices = _surcharged(seen, current, charge)
        payment = _payment(current, invoices, intent, doors.new_id("pay"))
        payment, back = _give_back_late(payment, invoices, doors)
        done = _succeeded(current, intent, doors)
        saved = change(done, current)
        paid = [_paid(each, payment, done).release(doors.now()) for each in invoices]
        doors.store.write(
            change(payment),
            *map(change, paid, seen),
            saved,
            *map(change, back),
            *beside(payment, invoices, paid, doors),
            *_surcharge_entry(payment, seen[0], invoices[0]),
            *(told for refund in back for told in of_refund(refund, None, doors.now())),
        )
        return saved.new

    return retrying(step, doors)


def _received(
    payment: Payment, invoices: list[Invoice], paid: list[Invoice], doors: Doors
) -> Change[Notification]:
    """Return what is told of a payment: which invoices it covers, and which orders may go."""
    return of_invoice(
        Kind.PAYMENT_RECEIVED,
        payment.id,
        tenant=payment.tenant,
        invoice=payment.invoice,
        at=doors.now(),
        source=payment.source,
        **coverage(invoices, paid),
    )


def _succeeded(attempt: Attempt, intent: Intent, doors: Doors) -> Attempt:
    return attempt.become(
        AttemptStatus.SUCCEEDED, payment_intent=intent.id, decline=None, changed_at=doors.now()
    )


def _surcharged(invoices: list[Invoice], attempt: Attempt, charge: Charge) -> list[Invoice]:
    """
    Return the invoices with what came on top: from now on it is a line of the first one.

    So it is paid, given back and disputed with it. A void invoice takes no line: all is credit.
    """
    home, *others = invoices
    extra = min(attempt.surcharge, max(0, charge.amount - attempt.amount))
    return invoices if home.voided_at or not extra else [home.surcharge(extra), *others]


def _surcharge_entry(
    payment: Payment, before: Invoice, after: Invoice
) -> Iterator[Change[JournalEntry]]:
    if extra := after.surcharged - before.surcharged:
        yield change(surcharged(after, extra, payment))


def _paid(invoice: Invoice, payment: Payment, done: Attempt) -> Invoice:
    """Return the invoice with its part of the payment; what is beyond counts at the first."""
    home = invoice.id == payment.invoice
    beyond = payment.unapplied + payment.returned if home else 0
    paid = invoice.receive(payment.allocated_to(invoice.id), beyond=beyond).follow(done)
    wrong = home and payment.gross != done.charged
    return paid.having(exception="amount_mismatch") if wrong else paid


def beside(
    payment: Payment, invoices: list[Invoice], paid: list[Invoice], doors: Doors
) -> Iterator[Change[Any]]:
    """Yield the rows that a payment brings beside itself and its invoices, now `paid`."""
    yield change(payment_received(payment))
    yield _received(payment, invoices, paid, doors)
    for invoice in invoices:
        part = Allocation(invoice=invoice.id, amount=payment.allocated_to(invoice.id))
        if part.amount and invoice.id != payment.invoice:
            yield change(share_of(payment, part, payment.paid_at))
        if part.amount and invoice.written_off_at:
            yield change(recovered(invoice, payment.source, part.amount, payment.paid_at))
    if payment.unapplied:
        yield give_credit(payment, payment.unapplied, doors)


def _give_back_late(
    payment: Payment, invoices: list[Invoice], doors: Doors
) -> tuple[Payment, list[Refund]]:
    """Promise back what came for a void invoice, if the tenant wants that; the sweep does it."""
    late = payment.unapplied if any(invoice.voided_at for invoice in invoices) else 0
    if not late or doors.store.settings(payment.tenant).late_payment == "credit":
        return payment, []
    refund = Refund.of(
        payment,
        id=doors.new_id("rfd"),
        amount=late,
        unapplied=late,
        origin="late_payment",
        created_at=doors.now(),
        sweep_at=doors.now(),
    )
    promised = payment.give_back(pending=late, given=0, credit=late)
    return promised.having(refunds=(refund.id,)), [refund]


def share_of(payment: Payment, part: Allocation, at: datetime) -> Share:
    """Return the row that explains a payment under an invoice that is not its first."""
    return Share(
        tenant=payment.tenant,
        invoice=part.invoice,
        home=payment.invoice,
        payment=payment.id,
        source=payment.source,
        amount=part.amount,
        at=at,
    )


def give_credit(payment: Payment, amount: int, doors: Doors) -> Change[CustomerCredit]:
    """Return the change of the customer's credit; a negative `amount` uses it."""
    mode = payment.mode or "live"
    found = doors.store.credit(payment.tenant, payment.customer, mode, payment.currency)
    fresh = CustomerCredit(
        tenant=payment.tenant, customer=payment.customer, currency=payment.currency, mode=mode
    )
    return change((found or fresh).having((found or fresh).balance + amount), found)


def apply_fee(payment: Payment, charge: Charge, *, doors: Doors) -> bool:
    """Enter Stripe's fee once its balance transaction is known; say whether that was news."""
    fee = _fee(charge)
    if payment.fee.state == "known" or fee.state == "pending":
        return False
    known = payment.with_fee(fee)
    doors.store.write(change(known, payment), change(fee_taken(known, fee)))
    return True


def advance(attempt: Attempt, status: AttemptStatus, *, doors: Doors, **changes: object) -> Attempt:
    """
    Move an attempt, and its invoices' claims with it.

    An attempt that has ended meanwhile is left alone.
    """

    def step() -> Attempt:
        invoices, current = _fresh(attempt, doors)
        if not current.is_open or current.status is status:
            return current
        saved = change(current.become(status, changed_at=doors.now(), **changes), current)
        followed = ((invoice.follow(saved.new), invoice) for invoice in invoices)
        moved = [change(new, old) for new, old in followed if new is not old]
        doors.store.write(
            saved, *moved, *recoveries(saved.new, invoices, doors), *_failed(saved.new, doors)
        )
        return saved.new

    return retrying(step, doors)


def _failed(attempt: Attempt, doors: Doors) -> Iterator[Change[Notification]]:
    """Yield what a payer is told whose card or bank has refused: nobody fails twice."""
    if attempt.status is AttemptStatus.FAILED:
        yield of_invoice(
            Kind.PAYMENT_FAILED,
            attempt.id,
            tenant=attempt.tenant,
            invoice=attempt.invoice,
            at=doors.now(),
            attempt=attempt.id,
        )


def save_card(
    setup: SetupIntent,
    metadata: dict[str, str],
    *,
    tenant: str,
    account: str,
    mode: str,
    doors: Doors,
) -> None:
    """Keep the description of a card that a customer saved, with the evidence of their consent."""
    ref, method = metadata.get("customer"), setup.payment_method
    if metadata.get("tenant") != tenant or not ref:
        raise NotOurs(setup.id)
    if setup.status != "succeeded" or not isinstance(method, PaymentMethod):
        return

    evidence = Evidence(setup.id, setup.customer, metadata.get("consent_text"))
    _keep_card(method, evidence, tenant=tenant, ref=ref, slot=f"{account}:{mode}", doors=doors)


@dataclass(frozen=True, slots=True)
class Evidence:
    """That a card's owner agreed: Stripe's own record, its customer, and under which text."""

    record: str
    stripe_customer: str | None
    text: str | None


def _save_paid_card(attempt: Attempt, intent: Intent, doors: Doors) -> None:
    """Keep the card of a payment whose payer wanted that; told again, it is kept already."""
    charge = intent.charge
    if not charge.payment_method or not charge.card.last4:
        return
    method = PaymentMethod(id=charge.payment_method, card=charge.card)
    evidence = Evidence(intent.id, attempt.stripe_customer, attempt.consent_text)
    slot = f"{attempt.account}:{attempt.mode}"
    _keep_card(
        method, evidence, tenant=attempt.tenant, ref=attempt.customer, slot=slot, doors=doors
    )


def _keep_card(
    method: PaymentMethod, evidence: Evidence, *, tenant: str, ref: str, slot: str, doors: Doors
) -> None:
    def step() -> None:
        customer = doors.store.find_customer(tenant, ref)
        if not customer:
            raise UnknownAttempt(evidence.record)
        if customer.erased_at or doors.store.card(tenant, ref, method.id):
            return
        saved = _saved(method, evidence, customer, slot, doors.now())
        kept = Reservation(tenant=tenant, kind="PM", value=f"{slot}:{method.id}", holder=ref)
        default = customer.default_payment_method or saved.id
        changed = customer.having(default_payment_method=default)
        doors.store.write(change(saved), change(changed, customer), change(kept))

    retrying(step, doors)


def _saved(
    method: PaymentMethod, evidence: Evidence, customer: Customer, slot: str, at: datetime
) -> SavedMethod:
    account, _, mode = slot.partition(":")
    card = method.card or Card()
    return SavedMethod(
        id=method.id,
        tenant=customer.tenant,
        customer=customer.ref,
        account=account,
        mode=mode,
        stripe_customer=evidence.stripe_customer or customer.stripe_ids[slot],
        setup_intent=evidence.record,
        consented_at=at,
        consent_text=evidence.text,
        **card.model_dump(include=set(Card.model_fields)),
    )


def _attempt_of(metadata: dict[str, str], tenant: str, doors: Doors) -> Attempt:
    if "attempt" not in metadata or "invoice" not in metadata or metadata.get("tenant") != tenant:
        raise NotOurs
    attempt = doors.store.attempt(tenant, metadata["invoice"], metadata["attempt"])
    if not attempt:
        raise UnknownAttempt(metadata["attempt"])
    return attempt


def _require_match(intent: Intent, attempt: Attempt, account: str, mode: str) -> None:
    if attempt.account != account:
        raise OtherConnection(intent.id)
    if (attempt.mode, attempt.currency) != (mode, intent.currency):
        raise Mismatch(f"{intent.id} is not of the mode or currency of {attempt.id}.")
    if intent.livemode is not (mode == "live"):
        raise Mismatch(f"{intent.id} is not in {mode} mode.")


def _debit_failed(attempt: Attempt, intent: Intent, doors: Doors) -> Attempt:
    """
    End an attempt whose bank debit failed days later.

    The intent has no payment method any more.
    """
    if not attempt.is_open:
        return attempt
    gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
    fenced = gateway.fence_intent(intent.id)
    if fenced.status == "succeeded":
        return apply_payment(attempt, fenced, doors=doors)
    if fenced.status != "canceled":
        raise OutcomeUnknown(fenced.id)
    return advance(
        attempt,
        AttemptStatus.FAILED,
        doors=doors,
        payment_intent=fenced.id,
        decline=fenced.decline or intent.decline,
    )


def _fresh(attempt: Attempt, doors: Doors) -> tuple[list[Invoice], Attempt]:
    """Return the attempt as it is now, and its invoices, the first one first."""
    current = _latest(attempt, doors)
    return _invoices(current, doors), current


def _latest(attempt: Attempt, doors: Doors) -> Attempt:
    current = doors.store.attempt(attempt.tenant, attempt.invoice, attempt.id)
    if not current:
        raise UnknownAttempt(attempt.id)
    return current


def _invoices(attempt: Attempt, doors: Doors) -> list[Invoice]:
    return [doors.store.invoice(attempt.tenant, each.invoice) for each in attempt.shares]


def retrying(step: Callable[[], T], doors: Doors) -> T:
    """
    Read and write again until nothing that was read has changed in between.

    Twenty refunds of one payment come from here and from Stripe's events at once, and the losers
    of one round must not meet again in the next: each waits for a while of its own.
    """
    for tried in range(TRIES):
        try:
            return step()
        except RowChanged:
            doors.store.wait(tried)
    raise TooMuchContention("The invoice kept changing; nothing was lost and nothing was counted.")


def _fee(charge: Charge) -> Fee:
    booked = charge.balance_transaction
    if not isinstance(booked, BalanceTransaction):
        return Fee()
    return Fee(
        state="known",
        amount=booked.fee,
        net=booked.net,
        currency=booked.currency,
        balance_transaction=booked.id,
        fee_details=tuple(FeeDetail(**dict(part)) for part in booked.fee_details),
    )


def _payment(attempt: Attempt, invoices: list[Invoice], intent: Intent, payment: str) -> Payment:
    charge, paid_at = intent.charge, datetime.fromtimestamp(intent.charge.created, UTC)
    fee, owed = _fee(charge), {invoice.id: invoice.owed for invoice in invoices}
    allocations, unapplied = allocate(charge.amount, attempt.shares, owed)
    note = Note(
        payment_intent=intent.id,
        charge=charge.id,
        brand=charge.card.brand,
        last4=charge.card.last4,
        authorization_code=charge.card.authorization_code,
        amount=charge.amount,
        fee=fee.amount,
        paid_at=paid_at,
        receipt_url=charge.receipt_url,
    )
    return Payment(
        id=payment,
        tenant=attempt.tenant,
        invoice=attempt.invoice,
        attempt=attempt.id,
        customer=attempt.customer,
        account=attempt.account,
        mode=attempt.mode,
        payment_intent=intent.id,
        charge=charge.id,
        gross=charge.amount,
        currency=charge.currency,
        allocations=allocations,
        unapplied=unapplied,
        application_fee=attempt.application_fee,
        fee=fee,
        note=bare_note(note) if any(invoice.erased for invoice in invoices) else note,
        paid_at=paid_at,
    )
