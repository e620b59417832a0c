"""What became of each message about an invoice, in words that name no address."""

from collections.abc import Iterator
from datetime import datetime

from payments.facts.notification import Kind, Notification, Part, PartStatus

READERS = {"buyer": "The payer", "seller": "The merchant", "bus": "The event bus"}
FACTS = {
    Kind.INVOICE_SENT: "the invoice",
    Kind.PAYMENT_RECEIVED: "the payment",
    Kind.PAYMENT_FAILED: "the payment that failed",
    Kind.CREDIT_APPLIED: "the payment by credit",
    Kind.REFUND_CHANGED: "the refund",
    Kind.REFUND_NOTED: "the refund",
    Kind.DISPUTE_CHANGED: "the dispute",
    Kind.DISPUTE_DEADLINE: "the dispute's deadline",
}
ENDS = {
    PartStatus.SENDING: "is being told of {fact}",
    PartStatus.SENT: "was told of {fact}",
    PartStatus.UNSURE: "may have been told of {fact}, and is not told again",
    PartStatus.SKIPPED: "was not told of {fact}",
    PartStatus.FAILED: "could not be told of {fact}",
}


def recount(told: Notification) -> Iterator[tuple[datetime, str, str, dict[str, str]]]:
    """Yield when, as what, in which words, and with which proof each part of it ended."""
    for reader, part in told.parts.items():
        refs = {"notification": told.id, "reader": reader}
        yield part.at, f"notice_{part.status}", _words(reader, part, told), refs


def _words(reader: str, part: Part, told: Notification) -> str:
    ended = ENDS[part.status].format(fact=FACTS.get(told.kind, told.kind.value))
    why = f" ({part.reason.replace('_', ' ')})" if part.reason else ""
    return f"{READERS.get(reader, reader)} {ended}{why}."
