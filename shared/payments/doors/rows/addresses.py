"""The address of every kind of row, its place in lists, and its tenant."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from payments.doors.keys import SCHEMA, account_pointer, due_shard, partition, stamp
from payments.doors.table import Row
from payments.facts.account import Account
from payments.facts.attempt import Attempt
from payments.facts.audit import AuditHead, AuditRecord, Refusals
from payments.facts.balances import Closings, Part
from payments.facts.certification import Certification
from payments.facts.connection import ConnectedAccount, Connection, ConnectState
from payments.facts.credit import CustomerCredit
from payments.facts.customer import CardUse, Customer, SavedMethod
from payments.facts.dispute import Dispute
from payments.facts.erasure import Erasure
from payments.facts.event import InboxEvent
from payments.facts.idempotency import IdempotencyRecord
from payments.facts.invoice import Invoice
from payments.facts.ledger import JournalEntry
from payments.facts.link import LinkPointer, PayLink
from payments.facts.mailing import MailCount, Report, Suppression
from payments.facts.module import Grant, PaymentModule
from payments.facts.notification import Notification
from payments.facts.payment import Payment, Share
from payments.facts.recovery import Recovery
from payments.facts.refund import CreditNote, Refund
from payments.facts.reservation import Reservation
from payments.facts.run import Break, Run
from payments.facts.settings import Settings
from payments.facts.subscription import Delivery, SigningSecret, Subscription
from payments.facts.velocity import Tally

LISTED = (PaymentModule, PayLink, Run, Break, AuditRecord, Customer, JournalEntry)

#: The names of the lists and of due work in the indexes.
NAMES: dict[type[BaseModel], str] = {
    Invoice: "invoice",
    Attempt: "attempt",
    Account: "account",
    PaymentModule: "module",
    Payment: "payment",
    Refund: "refund",
    Run: "run",
    Break: "break",
    Dispute: "dispute",
    Recovery: "recovery",
    JournalEntry: "journal",
    PayLink: "link",
    InboxEvent: "event",
    AuditRecord: "audit",
    AuditHead: "audit_head",
    Refusals: "refusals",
    Customer: "customer",
    SavedMethod: "card",
    Erasure: "erasure",
    Notification: "notification",
    Delivery: "delivery",
    Closings: "closings",
}

#: The partition (kind and id) and the sort key of every kind of row.
ADDRESSES: dict[type[BaseModel], Callable[[Any], tuple[str, str, str]]] = {
    Invoice: lambda row: ("INV", row.id, "INVOICE"),
    Attempt: lambda row: ("INV", row.invoice, f"ATTEMPT#{row.id}"),
    Payment: lambda row: ("INV", row.invoice, f"PAYMENT#{row.source}"),
    Share: lambda row: ("INV", row.invoice, f"SHARE#{row.payment}"),
    Refund: lambda row: ("INV", row.invoice, f"REFUND#{row.id}"),
    CreditNote: lambda row: ("INV", row.invoice, f"CREDITNOTE#{row.refund}"),
    Dispute: lambda row: ("INV", row.invoice, f"DISPUTE#{row.stripe_id}"),
    JournalEntry: lambda row: ("INV", row.invoice, f"JOURNAL#{row.fact}"),
    Recovery: lambda row: ("INV", row.invoice, "RECOVERY"),
    PayLink: lambda row: ("INV", row.invoice, f"LINK#{row.id}"),
    Account: lambda row: ("ACC", row.id, "ACCOUNT"),
    Connection: lambda row: ("ACC", row.account, f"CONNECTION#{row.mode}"),
    PaymentModule: lambda row: ("MOD", row.id, "MODULE"),
    Certification: lambda row: ("MOD", row.module, "CERTIFICATION"),
    Grant: lambda row: ("PRF", row.profile, f"MODULE#{row.module}"),
    Customer: lambda row: ("CUS", row.ref, "CUSTOMER"),
    CustomerCredit: lambda row: ("CUS", row.customer, f"CREDIT#{row.mode}:{row.currency}"),
    Erasure: lambda row: ("CUS", row.customer, "ERASURE"),
    SavedMethod: lambda row: ("CUS", row.customer, f"CARD#{row.id}"),
    CardUse: lambda row: ("CUS", row.customer, f"USE#{row.payment_method}#{row.attempt}"),
    InboxEvent: lambda row: ("EVT", f"{row.account}:{row.mode}:{row.id}", "EVENT"),
    Closings: lambda _: ("LED", "own", "CLOSINGS"),
    Part: lambda row: ("LED", row.closing, f"PART#{row.number:04}"),
    Settings: lambda _: ("SET", "own", "SETTINGS"),
    AuditRecord: lambda row: ("AUD", str(row.chain), f"RECORD#{row.number:012}"),
    AuditHead: lambda row: ("AUD", str(row.chain), "HEAD"),
    Refusals: lambda row: ("AUD", f"refusals:{row.subject}", "REFUSALS"),
    Run: lambda row: ("RUN", row.id, "RUN"),
    Break: lambda row: ("BRK", row.id, "BREAK"),
    Tally: lambda row: (
        "VEL",
        f"{row.module}:{row.mode}:{row.scope}:{row.counts}:{row.subject}",
        "TALLY",
    ),
    Reservation: lambda row: (row.kind, row.value, "RESERVATION"),
    Notification: lambda row: (row.about, row.subject, f"NOTICE#{row.id}"),
    Report: lambda row: (
        row.about,
        row.subject,
        f"REPORT#{row.notice}#{row.reader}#{row.status}{'' if row.final else ':passing'}",
    ),
    Suppression: lambda row: ("MUT", row.digest, "SUPPRESSION"),
    MailCount: lambda row: ("CNT", f"{row.scope}:{row.subject}", "MAILS"),
    Subscription: lambda row: ("SUB", "own", f"SUBSCRIPTION#{row.id}"),
    SigningSecret: lambda row: ("SUB", row.subscription, "SECRET"),
    Delivery: lambda row: ("SUB", row.subscription, f"DELIVERY#{row.id}"),
    IdempotencyRecord: lambda row: ("IDM", f"{row.route}#{row.key}", "IDEMPOTENCY"),
}

#: How lists are sorted whose objects have no id of ours, which would sort by time.
_SORTS: dict[type[BaseModel], Callable[[Any], str]] = {
    JournalEntry: lambda row: f"{stamp(row.since)}#{row.fact}",
    Customer: lambda row: f"{stamp(row.created_at)}#{row.ref}",
    Delivery: lambda row: f"{stamp(row.created_at)}#{row.id}",
}


def address(model: Any) -> tuple[str, str]:
    """Return a value's partition key and sort key."""
    if isinstance(model, LinkPointer):
        return f"P#LNK#{model.digest}", "POINTER"
    if isinstance(model, ConnectState):
        return f"P#STATE#{model.digest}", "POINTER"
    if isinstance(model, ConnectedAccount):
        return account_pointer(model.mode, model.stripe_account), "POINTER"
    kind, name, sort = ADDRESSES[type(model)](model)
    return partition(model.tenant, kind, name), sort


def _indexes(model: Any) -> dict[str, str]:
    """Return the attributes that put a row into a list or into the due work."""
    if isinstance(
        model, InboxEvent | Notification | SavedMethod | Closings | AuditHead | Refusals | Erasure
    ):
        return _due(model, model.sweep_at)
    if isinstance(model, Account):
        return _listed(model) | _due(model, model.check_at)
    if isinstance(model, Attempt | Refund | Dispute | Recovery | Delivery):
        return _listed(model) | _due(model, model.sweep_at)
    if isinstance(model, Invoice | Payment):
        return _listed(model) | {"status": model.status}
    if isinstance(model, IdempotencyRecord):
        return _answers(model)
    return _listed(model) if type(model) in LISTED else {}


def _answers(model: IdempotencyRecord) -> dict[str, str]:
    """Return the attributes that find an answer about a person again."""
    if not model.about:
        return {}
    return {"list_key": f"T#{model.tenant}#answers#{model.about}", "list_sort": model.resource}


def _listed(model: Any) -> dict[str, str]:
    # Deliveries are listed for each subscription.
    of = f"#{model.subscription}" if isinstance(model, Delivery) else ""
    key, sort = f"T#{model.tenant}#{NAMES[type(model)]}{of}", _SORTS.get(type(model))
    return {"list_key": key, "list_sort": sort(model) if sort else model.id}


def _due(model: Any, at: datetime | None) -> dict[str, str]:
    return {"due_shard": due_shard(NAMES[type(model)], model.id), "due_at": stamp(at)} if at else {}


def row_of(model: BaseModel) -> Row:
    """Return a value as it is stored, without members that are None."""
    pk, sk = address(model)
    fields = model.model_dump(mode="json", exclude_none=True)
    return {**fields, **_indexes(model), "pk": pk, "sk": sk, "schema_v": SCHEMA}
