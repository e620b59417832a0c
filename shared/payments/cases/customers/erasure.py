"""A person's rights: export everything that is kept of a customer, and erase it."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel

from payments.doors.doors import WRITE_NEEDS_S, Doors
from payments.doors.secrets import SecretMissing
from payments.doors.table import RowChanged
from payments.errors import PaymentInProgress, PaymentsError, require_found
from payments.facts.caller import Caller
from payments.facts.customer import Customer
from payments.facts.erasure import Erasure, Left
from payments.facts.invoice import Invoice
from payments.facts.outcome import OutcomeUnknown
from payments.facts.personal import (
    bare_attempt,
    bare_invoice,
    bare_link,
    bare_payment,
    bare_refund,
    without_person,
)
from payments.steps.retry import retrying

M = TypeVar("M", bound=BaseModel)

#: How many invoices are erased before the progress is written down.
PAGE = 25
#: At most this many for each shard and run.
LIMIT = 25
#: How long the request itself works on it; after a crash the schedule goes on.
LEASE = timedelta(minutes=1)
#: How much of its time a request keeps to answer.
ANSWER_S = 15
#: Fields that are no facts about the customer: how rows are kept, and what opens a page.
_INTERNAL = {
    "tenant",
    "version",
    "digest",
    "ttl",
    "sweep_at",
    "put_off_until",
    "session_url",
    "return_url",
    "success_url",
    "cancel_url",
}


def export(
    ref: str, *, limit: int, cursor: str | None, caller: Caller, doors: Doors
) -> tuple[dict[str, Any], str | None]:
    """Return everything that is kept of a customer, a page of invoices, and the next cursor."""
    customer = doors.store.customer(caller.tenant, ref)
    invoices, following = doors.store.page(
        Invoice, caller.tenant, limit=limit, cursor=cursor, wanted={"customer": ref}
    )
    kept = {
        "customer": _exported(customer),
        "payment_methods": [_exported(card) for card in doors.store.cards(caller.tenant, ref)],
        "credits": [_exported(credit) for credit in doors.store.credits(caller.tenant, ref)],
        "invoices": [_whole(invoice, doors) for invoice in invoices],
    }
    return kept, following


def erase(ref: str, *, caller: Caller, doors: Doors) -> Erasure:
    """
    Remove a person's data from the rows, delete the customer at Stripe, and return the progress.

    Amounts, dates, ids and the journal stay, and balance as before. What this request does not
    finish goes on by itself. A request after the end begins again.
    """
    customer = doors.store.customer(caller.tenant, ref)
    if not customer.erased_at:
        _require_idle(customer, doors)
    read = partial(doors.store.customer, caller.tenant, ref)
    _bare(read, partial(_forgotten, doors.now()), doors)
    known = doors.store.erasure(caller.tenant, ref)
    if not known or known.ended_at:
        now = doors.now()
        fresh = Erasure(tenant=caller.tenant, customer=ref, started_at=now, sweep_at=now + LEASE)
        try:
            known = doors.store.save(fresh, known)
        except RowChanged:
            # Another request has begun it.
            known = status(ref, caller=caller, doors=doors)
    return _go_on(known, doors, until_s=ANSWER_S)


def status(ref: str, *, caller: Caller, doors: Doors) -> Erasure:
    """Return how far the erasure of a customer has come, or raise NotFound."""
    return require_found(doors.store.erasure(caller.tenant, ref), "erasure")


def go_on_due(doors: Doors) -> int:
    """Go on with the erasures that no request has finished; return how many there were."""
    count = 0
    for found in doors.store.due(Erasure, doors.now(), limit=LIMIT):
        if not doors.may_write:
            break
        if found.sweep_at and found.sweep_at <= doors.now():
            _go_on(found, doors, until_s=WRITE_NEEDS_S)
            count += 1
    return count


def _go_on(job: Erasure, doors: Doors, *, until_s: float) -> Erasure:
    """
    Erase until nothing is left, or only `until_s` seconds; return the progress.

    The progress is saved after each page of invoices.
    """
    customer = doors.store.customer(job.tenant, job.customer)
    try:
        if job.cursor is None and not job.ended_at:
            job = _begin(job, customer, doors)
        while not job.ended_at and doors.time_left() > until_s:
            invoices, cursor = _page(customer, job.cursor, doors)
            for invoice in invoices:
                _bare_invoice(invoice, doors)
            job = doors.store.save(job.went_on(len(invoices), cursor, doors.now()), job)
    except RowChanged:
        # Another request or the schedule does it, and is as far.
        return doors.store.erasure(job.tenant, job.customer) or job
    return job


def _begin(job: Erasure, customer: Customer, doors: Doors) -> Erasure:
    """Erase all but the invoices: at Stripe, the cards, and stored answers about the customer."""
    left = tuple(_delete_at_stripe(customer, doors))
    for card in doors.store.cards(customer.tenant, customer.ref):
        saved = partial(doors.store.card, customer.tenant, customer.ref, card.id)
        _bare(saved, lambda found: found.erase(doors.now()), doors)
    _bare_answers(customer.tenant, customer.ref, doors)
    return doors.store.save(job.having(left=left, sweep_at=doors.now() + LEASE), job)


def _exported(row: BaseModel) -> dict[str, Any]:
    return row.model_dump(mode="json", exclude_none=True, exclude=_INTERNAL)


def _whole(invoice: Invoice, doors: Doors) -> dict[str, Any]:
    rows = doors.store.invoice_rows(invoice.tenant, invoice.id)
    kinds = ("attempts", "payments", "shares", "refunds", "credit_notes", "disputes")
    exported = {kind: [_exported(row) for row in getattr(rows, kind)] for kind in kinds}
    links = [_exported(link) for link in doors.store.links(invoice.tenant, invoice.id)]
    return {"invoice": _exported(invoice), "pay_links": links, **exported}


def _page(customer: Customer, cursor: str | None, doors: Doors) -> tuple[list[Invoice], str | None]:
    wanted = {"customer": customer.ref}
    return doors.store.page(Invoice, customer.tenant, limit=PAGE, cursor=cursor, wanted=wanted)


def _open_invoices(customer: Customer, doors: Doors) -> Iterator[Invoice]:
    cursor: str | None = None
    while True:
        found, cursor = _page(customer, cursor, doors)
        yield from (invoice for invoice in found if invoice.claim)
        if cursor is None:
            return


def _require_idle(customer: Customer, doors: Doors) -> None:
    for invoice in _open_invoices(customer, doors):
        raise PaymentInProgress(
            f"A payment of invoice {invoice.number} is in progress; erase when it has ended.",
            attempt_id=invoice.claim.attempt if invoice.claim else None,
        )


def _forgotten(now: datetime, customer: Customer) -> Customer:
    return customer if customer.erased_at else customer.erase(now)


def _delete_at_stripe(customer: Customer, doors: Doors) -> Iterator[Left]:
    """Yield the accounts in which the customer could not be deleted, each with the reason."""
    for slot, name in customer.stripe_ids.items():
        account, _, mode = slot.partition(":")
        try:
            doors.gateway(customer.tenant, account, mode).delete_customer(name)
        except (PaymentsError, OutcomeUnknown, SecretMissing) as problem:
            code = problem.code if isinstance(problem, PaymentsError) else "stripe_unavailable"
            yield Left(account=account, mode=mode, code=code)
            continue
        read = partial(doors.store.customer, customer.tenant, customer.ref)
        _bare(read, partial(_without_slot, slot), doors)


def _without_slot(slot: str, customer: Customer) -> Customer:
    left = {name: each for name, each in customer.stripe_ids.items() if name != slot}
    return customer.having(stripe_ids=left)


def _bare_invoice(invoice: Invoice, doors: Doors) -> None:
    store, at = doors.store, (invoice.tenant, invoice.id)
    # This comes first: a payment that arrives meanwhile then tells nothing about the person.
    _bare(partial(store.invoice, *at), bare_invoice, doors)
    rows = store.invoice_rows(*at)
    for payment in rows.payments:
        _bare(partial(store.payment, *at, payment.source), bare_payment, doors)
        _bare_answers(invoice.tenant, payment.id, doors)
    for refund in rows.refunds:
        _bare(partial(store.refund, *at, refund.id), bare_refund, doors)
    for attempt in rows.attempts:
        _bare(partial(store.attempt, *at, attempt.id), bare_attempt, doors)
    for link in store.links(*at):
        _bare(partial(store.link, *at, link.id), bare_link, doors)
        _bare_answers(invoice.tenant, link.id, doors)
    _bare_answers(invoice.tenant, invoice.id, doors)


def _bare_answers(tenant: str, about: str, doors: Doors) -> None:
    for record in doors.store.answers(tenant, about):
        bare = record.having(answer=without_person(record.answer))
        if bare == record:
            continue
        try:
            doors.store.save(bare, record)
        except RowChanged:
            # A stored answer changes only when another request erases.
            continue


def _bare(read: Callable[[], M | None], change: Callable[[M], M], doors: Doors) -> None:
    def step() -> None:
        found = read()
        bare = change(found) if found else None
        if found and bare and bare != found:
            doors.store.save(bare, found)

    retrying(step, doors, "What is kept of the customer kept changing; it is not all erased yet.")
