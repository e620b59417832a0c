"""Explain why an invoice is or is not paid: in a sentence or two, with its timeline as evidence."""

from collections.abc import Callable
from dataclasses import dataclass

from payments.doors.rows.invoices import InvoiceRows
from payments.facts.attempt import AttemptStatus
from payments.facts.invoice import Invoice, InvoiceStatus, Trouble
from payments.money import Money
from payments.steps.invoices.timeline import (
    REFUNDS,
    WAITS,
    Happening,
    how_it_stands,
    money_of,
    reason_of,
    timeline,
)

_S = AttemptStatus


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer in a sentence or two, what to do now, and the evidence in order."""

    answer: str
    next: str
    evidence: list[Happening]


def explain(rows: InvoiceRows) -> Explanation:
    """Return why the invoice is as it is, and what would change that."""
    invoice = rows.require_invoice()
    tell = _TELLERS.get(invoice.status, _tell_unpaid)
    answer, following = tell(invoice, rows)
    return Explanation(answer, following, timeline(rows))


def _tell_draft(invoice: Invoice, _: InvoiceRows) -> tuple[str, str]:
    return f"Invoice {invoice.number} is a draft: nobody can pay it yet.", "Finalize it."


def _tell_void(invoice: Invoice, rows: InvoiceRows) -> tuple[str, str]:
    if invoice.trouble is Trouble.PAID_LATE and any(each.unapplied for each in rows.payments):
        return (
            f"Invoice {invoice.number} was withdrawn, and money came for it afterwards.",
            "The money is the customer's credit: apply it to another invoice, or refund it.",
        )
    return f"Invoice {invoice.number} was withdrawn.", "Nothing."


def _tell_paid(invoice: Invoice, rows: InvoiceRows) -> tuple[str, str]:
    came = len(rows.payments) + len(rows.shares)
    answer = (
        f"Invoice {invoice.number} is paid: {money_of(invoice.paid, invoice)} of "
        f"{money_of(invoice.total, invoice)} arrived in {came} payment{'s' if came != 1 else ''}"
    )
    answer += f", {money_of(invoice.credited, invoice)} were credited." if invoice.credited else "."
    if invoice.open_disputes:
        return f"{answer} The payer disputes it.", "Answer the dispute before it is due."
    if invoice.exception is Trouble.REFUND_FAILED:
        return f"{answer} A refund of it came back.", "Give it back in another way."
    if rest := _of_the_rest(invoice, rows):
        return answer, f"More came than was asked for: {rest}."
    return answer, "Nothing."


def _of_the_rest(invoice: Invoice, rows: InvoiceRows) -> str | None:
    """Return what became of money that the invoice did not need, or None if it needed all."""
    promised = (refund for refund in rows.refunds if refund.origin == "overpayment")
    back = [refund for refund in promised if refund.is_open or refund.is_given]
    if not back:
        over = invoice.trouble is Trouble.OVERPAID
        return "the rest is the customer's credit" if over else None
    last = max(back, key=lambda refund: refund.created_at)
    return f"{Money(last.amount, last.currency)} {REFUNDS[last.status]}"


def _tell_refunded(invoice: Invoice, _: InvoiceRows) -> tuple[str, str]:
    return f"Invoice {invoice.number} was paid and given back in full.", "Nothing."


def _tell_written_off(invoice: Invoice, _: InvoiceRows) -> tuple[str, str]:
    lost = money_of(invoice.outstanding, invoice)
    answer = f"Invoice {invoice.number} was given up as uncollectible with {lost} outstanding."
    return answer, "Nothing is collected for it. Money that comes all the same is booked."


def _tell_unpaid(invoice: Invoice, rows: InvoiceRows) -> tuple[str, str]:
    owed = f"{money_of(invoice.outstanding, invoice)} of invoice {invoice.number} are outstanding."
    if invoice.open_disputes:
        return f"{owed} A payment of it is disputed.", "Answer the dispute; nothing is collected."
    if invoice.claim:
        return _tell_claimed(owed, invoice, rows)
    failed = [attempt for attempt in rows.attempts if attempt.status is _S.FAILED]
    if failed:
        last = max(failed, key=lambda attempt: attempt.created_at)
        return (
            f"{owed} The last attempt failed: {reason_of(last)}.",
            "Send a pay link, or charge another card.",
        )
    if went := _went_back(invoice, rows):
        return f"{owed} {went}", "Send a pay link, or charge a card."
    if not rows.attempts:
        return f"{owed} Nobody has tried to pay it yet.", "Send a pay link, or charge a card."
    return f"{owed} {how_it_stands(rows.attempts[-1])}", "Send a pay link, or charge a card."


def _went_back(invoice: Invoice, rows: InvoiceRows) -> str | None:
    if invoice.charged_back:
        return f"The payer's bank took {money_of(invoice.charged_back, invoice)} back for good."
    if any(refund.is_given and refund.settle_as == "reopen" for refund in rows.refunds):
        return "Money that had come was given back."
    return None


def _tell_claimed(owed: str, invoice: Invoice, rows: InvoiceRows) -> tuple[str, str]:
    held = invoice.claim.attempt if invoice.claim else ""
    attempt = next((each for each in rows.attempts if each.id == held), None)
    if attempt is None:
        return f"{owed} A payment of several invoices is under way.", "Wait for it."
    if attempt.channel.has_payer and attempt.status is _S.SUBMITTING:
        return (
            f"{owed} A payer has opened the payment page and has not paid yet.",
            "Wait, or charge a card: the page is closed first.",
        )
    if attempt.waits and attempt.confirm_by:
        until = f"{attempt.confirm_by:%Y-%m-%d %H:%M} UTC"
        following = f"Wait until {until}, or collect in another way: it is closed first."
        return f"{owed} {WAITS[attempt.status]}", following
    return f"{owed} {WAITS[attempt.status]}", "Wait: it ends by itself, and is never charged twice."


_TELLERS: dict[InvoiceStatus, Callable[[Invoice, InvoiceRows], tuple[str, str]]] = {
    InvoiceStatus.DRAFT: _tell_draft,
    InvoiceStatus.VOID: _tell_void,
    InvoiceStatus.PAID: _tell_paid,
    InvoiceStatus.REFUNDED: _tell_refunded,
    InvoiceStatus.UNCOLLECTIBLE: _tell_written_off,
}
