"""The typed door to the table: where every row lives, and under which tenant."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from payments.doors.keys import DUE_SHARDS, SCHEMA, account_pointer, due_shard, partition, stamp
from payments.doors.table import Contended, Put, Row, Table
from payments.errors import NotFound, TooMuchContention
from payments.facts.account import Account
from payments.facts.attempt import Attempt
from payments.facts.audit import AuditHead, AuditRecord
from payments.facts.certification import Certification
from payments.facts.connection import ConnectedAccount, Connection, ConnectState
from payments.facts.credit import CustomerCredit
from payments.facts.customer import CardUse, Customer, SavedMethod
from payments.facts.dispute import Dispute
from payments.facts.event import InboxEvent
from payments.facts.idempotency import IdempotencyRecord
from payments.facts.invoice import Invoice
from payments.facts.ledger import JournalEntry
from payments.facts.link import LinkPointer, PayLink
from payments.facts.module import Grant, PaymentModule
from payments.facts.notification import Notification
from payments.facts.payment import Payment, Share
from payments.facts.recovery import Recovery
from payments.facts.refund import CreditNote, Refund
from payments.facts.run import Break, Run
from payments.facts.settings import Settings
from payments.facts.subscription import Delivery, SigningSecret, Subscription
from payments.facts.velocity import Tally

M = TypeVar("M", bound=BaseModel)

LISTED = (PaymentModule, PayLink, Run, Break, AuditRecord, Customer, JournalEntry)

#: What lists and due work are called in the indexes.
_NAMES: dict[type[BaseModel], str] = {
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
    Customer: "customer",
    SavedMethod: "card",
    Notification: "notification",
    Delivery: "delivery",
}


class Reservation(BaseModel):
    """A name that only one object of a tenant may have: an invoice number, an account's name."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    kind: str
    value: str
    holder: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class Change(Generic[M]):
    """A row's next value and the one that was read; `old` is None where there must be none yet."""

    new: M
    old: M | None = None


def change(new: M, old: M | None = None) -> Change[M]:
    """Return the change with the new value's version set: one more than what was read."""
    version = old.version + 1 if old else 1  # type: ignore[attr-defined]
    return Change(new.model_copy(update={"version": version}), old)


#: The partition (kind and id) and the sort key of every kind of row.
_ADDRESSES: dict[type[BaseModel], Callable[[Any], tuple[str, str, str]]] = {
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
    SavedMethod: lambda row: ("CUS", row.customer, f"CARD#{row.id}"),
    CardUse: lambda row: ("CUS", row.customer, f"USE#{row.payment_method}#{row.attempt}"),
    InboxEvent: lambda row: ("EVT", f"{row.account}:{row.mode}:{row.id}", "EVENT"),
    Settings: lambda _: ("SET", "own", "SETTINGS"),
    AuditRecord: lambda row: ("AUD", str(row.chain), f"RECORD#{row.number:012}"),
    AuditHead: lambda row: ("AUD", str(row.chain), "HEAD"),
    Run: lambda row: ("RUN", row.id, "RUN"),
    Break: lambda row: ("BRK", row.id, "BREAK"),
    Tally: lambda row: (
        "VEL",
        f"{row.module}:{row.mode}:{row.scope}:{row.counts}:{row.subject}",
        "TALLY",
    ),
    Reservation: lambda row: (row.kind, row.value, "RESERVATION"),
    Notification: lambda row: (row.about, row.subject, f"NOTICE#{row.id}"),
    Subscription: lambda row: ("SUB", "own", f"SUBSCRIPTION#{row.id}"),
    SigningSecret: lambda row: ("SUB", row.subscription, "SECRET"),
    Delivery: lambda row: ("SUB", row.subscription, f"DELIVERY#{row.id}"),
    IdempotencyRecord: lambda row: ("IDM", f"{row.route}#{row.key}", "IDEMPOTENCY"),
}


#: By what a list is sorted whose objects have no id of ours, which would sort by time.
_SORTS: dict[type[BaseModel], Callable[[Any], str]] = {
    JournalEntry: lambda row: f"{stamp(row.at)}#{row.fact}",
    Customer: lambda row: f"{stamp(row.created_at)}#{row.ref}",
    Delivery: lambda row: f"{stamp(row.created_at)}#{row.id}",
}


def _address(model: Any) -> tuple[str, str]:
    """Return where a value lives: partition key and sort key."""
    if isinstance(model, LinkPointer):
        return f"P#LNK#{model.digest}", "POINTER"
    if isinstance(model, ConnectState):
        return f"P#STATE#{model.digest}", "POINTER"
    if isinstance(model, ConnectedAccount):
        return account_pointer(model.mode, model.stripe_account), "POINTER"
    kind, name, sort = _ADDRESSES[type(model)](model)
    return partition(model.tenant, kind, name), sort


def _indexes(model: Any) -> dict[str, str]:
    """Return the attributes that put a row into a list or into the work that is due."""
    if isinstance(model, InboxEvent | Notification | SavedMethod):
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
    """Put an answer that tells of a person where it can be found again."""
    if not model.about:
        return {}
    return {"list_key": f"T#{model.tenant}#answers#{model.about}", "list_sort": model.resource}


def _listed(model: Any) -> dict[str, str]:
    # Deliveries are listed for each subscription.
    of = f"#{model.subscription}" if isinstance(model, Delivery) else ""
    key, sort = f"T#{model.tenant}#{_NAMES[type(model)]}{of}", _SORTS.get(type(model))
    return {"list_key": key, "list_sort": sort(model) if sort else model.id}


def _due(model: Any, at: datetime | None) -> dict[str, str]:
    return (
        {"due_shard": due_shard(_NAMES[type(model)], model.id), "due_at": stamp(at)} if at else {}
    )


def row_of(model: BaseModel) -> Row:
    """Return a value as it is stored; what is None is left out."""
    pk, sk = _address(model)
    fields = model.model_dump(mode="json", exclude_none=True)
    return {**fields, **_indexes(model), "pk": pk, "sk": sk, "schema_v": SCHEMA}


class Store:
    """Every read is of one tenant, but for the pointers and the work that is due."""

    def __init__(self, table: Table) -> None:
        """Keep the raw door."""
        self._table = table

    def write(self, *changes: Change[Any]) -> None:
        """Write all changes or none; raise RowChanged if something was not as it had been read."""
        puts = [
            Put(row_of(entry.new), entry.old.version if entry.old else None) for entry in changes
        ]
        try:
            if len(puts) == 1:
                self._table.put(puts[0].row, seen=puts[0].seen)
            else:
                self._table.transact(*puts)
        except Contended:
            raise TooMuchContention("The same rows keep changing; nothing was written.") from None

    def wait(self, tried: int) -> None:
        """Let those go first who have changed a row meanwhile."""
        self._table.wait(tried)

    def save(self, new: M, old: M | None = None) -> M:
        """Write one change and return the value with its version."""
        saved = change(new, old)
        self.write(saved)
        return saved.new

    def create(self, *rows: BaseModel) -> None:
        """Write rows of which there is none yet, all or none."""
        self.write(*(change(row) for row in rows))

    def invoice(self, tenant: str, invoice: str) -> Invoice:
        """Return the invoice or raise NotFound."""
        return self._require(Invoice, "invoice", partition(tenant, "INV", invoice), "INVOICE")

    def invoice_rows(self, tenant: str, invoice: str) -> "InvoiceRows":
        """Return the invoice with all that happened to it, in one read."""
        rows = InvoiceRows()
        for row in self._table.query(partition(tenant, "INV", invoice)):
            rows.add(row)
        return rows

    def whole_invoice(self, tenant: str, invoice: str) -> "InvoiceRows":
        """Return the same, with what became of payments that stand under another invoice."""
        rows = self.invoice_rows(tenant, invoice)
        elsewhere = self.shared(rows.shares)
        rows.refunds += self.refunds_of(*elsewhere)
        rows.disputes += self.disputes_of(*elsewhere)
        return rows

    def attempt(self, tenant: str, invoice: str, attempt: str) -> Attempt | None:
        """Return the attempt, or None."""
        return self._find(Attempt, partition(tenant, "INV", invoice), f"ATTEMPT#{attempt}")

    def payment(self, tenant: str, invoice: str, source: str) -> Payment | None:
        """Return the payment that a Stripe charge, or money from elsewhere, became, or None."""
        return self._find(Payment, partition(tenant, "INV", invoice), f"PAYMENT#{source}")

    def payments_of(self, tenant: str, invoice: str) -> list[Payment]:
        """Return what was paid for an invoice, newest first, under whatever invoice it stands."""
        home = partition(tenant, "INV", invoice)
        found = [Payment.model_validate(row) for row in self._table.query(home, "PAYMENT#")]
        shares = [Share.model_validate(row) for row in self._table.query(home, "SHARE#")]
        return sorted(found + self.shared(shares), key=lambda payment: payment.id, reverse=True)

    def shared(self, shares: list[Share]) -> list[Payment]:
        """Return the payments of other invoices that these are shares of."""
        keys = [
            (partition(share.tenant, "INV", share.home), f"PAYMENT#{share.source}")
            for share in shares
        ]
        return [Payment.model_validate(row) for row in self._table.get_many(keys)]

    def recovery(self, tenant: str, invoice: str) -> Recovery | None:
        """Return how a failed charge of the invoice is followed up, or None."""
        return self._find(Recovery, partition(tenant, "INV", invoice), "RECOVERY")

    def refund(self, tenant: str, invoice: str, refund: str) -> Refund | None:
        """Return the refund of a payment that stands under `invoice`, or None."""
        return self._find(Refund, partition(tenant, "INV", invoice), f"REFUND#{refund}")

    def refunds_of(self, *payments: Payment) -> list[Refund]:
        """Return the refunds of payments, in the order in which they were asked for."""
        keys = [
            (partition(payment.tenant, "INV", payment.invoice), f"REFUND#{name}")
            for payment in payments
            for name in payment.refunds
        ]
        return [Refund.model_validate(row) for row in self._table.get_many(keys)]

    def credit_note(self, tenant: str, invoice: str, refund: str) -> CreditNote | None:
        """Return by how much less is owed for an invoice because of a refund, or None."""
        return self._find(CreditNote, partition(tenant, "INV", invoice), f"CREDITNOTE#{refund}")

    def dispute(self, tenant: str, invoice: str, stripe_id: str) -> Dispute | None:
        """Return what a dispute at Stripe became under its payment's invoice, or None."""
        return self._find(Dispute, partition(tenant, "INV", invoice), f"DISPUTE#{stripe_id}")

    def disputes_of(self, *payments: Payment) -> list[Dispute]:
        """Return the disputes of payments."""
        found = []
        for home in dict.fromkeys(partition(each.tenant, "INV", each.invoice) for each in payments):
            rows = self._table.query(home, "DISPUTE#")
            found += [Dispute.model_validate(row) for row in rows]
        names = {payment.id for payment in payments}
        return [dispute for dispute in found if dispute.payment in names]

    def credit(self, tenant: str, customer: str, mode: str, currency: str) -> CustomerCredit | None:
        """Return what a customer has paid too much in a currency, or None."""
        return self._find(
            CustomerCredit, partition(tenant, "CUS", customer), f"CREDIT#{mode}:{currency}"
        )

    def credits(self, tenant: str, customer: str) -> list[CustomerCredit]:
        """Return all that a customer has paid too much."""
        rows = self._table.query(partition(tenant, "CUS", customer), "CREDIT#")
        return [CustomerCredit.model_validate(row) for row in rows]

    def is_entered(self, tenant: str, invoice: str, fact: str) -> bool:
        """Say whether a fact stands in the journal."""
        return self._table.get(partition(tenant, "INV", invoice), f"JOURNAL#{fact}") is not None

    def share(self, tenant: str, invoice: str, payment: str) -> Share | None:
        """Return what another invoice's payment brought to this one, or None."""
        return self._find(Share, partition(tenant, "INV", invoice), f"SHARE#{payment}")

    def link(self, tenant: str, invoice: str, link: str) -> PayLink:
        """Return the pay link or raise NotFound."""
        return self._require(PayLink, "pay link", partition(tenant, "INV", invoice), f"LINK#{link}")

    def links(self, tenant: str, invoice: str) -> list[PayLink]:
        """Return the pay links of an invoice, oldest first."""
        rows = self._table.query(partition(tenant, "INV", invoice), "LINK#")
        return [PayLink.model_validate(row) for row in rows]

    def account(self, tenant: str, account: str) -> Account:
        """Return the account or raise NotFound."""
        return self._require(Account, "account", partition(tenant, "ACC", account), "ACCOUNT")

    def find_connection(self, tenant: str, account: str, mode: str) -> Connection | None:
        """Return how an account is reached through the platform, or None."""
        home = partition(tenant, "ACC", account)
        return self._find(Connection, home, f"CONNECTION#{mode}")

    def settings(self, tenant: str) -> Settings:
        """Return what a tenant has decided for itself, or else the defaults, as version 0."""
        found = self._find(Settings, partition(tenant, "SET", "own"), "SETTINGS")
        return found or Settings(tenant=tenant, version=0)

    def reservation(self, tenant: str, kind: str, value: str) -> Reservation | None:
        """Return who has a name, or None if nobody ever had."""
        return self._find(Reservation, partition(tenant, kind, value), "RESERVATION")

    def module(self, tenant: str, module: str) -> PaymentModule:
        """Return the payment module or raise NotFound."""
        return self._require(
            PaymentModule, "payment module", partition(tenant, "MOD", module), "MODULE"
        )

    def certification(self, tenant: str, module: str) -> Certification | None:
        """Return a module's last certification, or None."""
        return self._find(Certification, partition(tenant, "MOD", module), "CERTIFICATION")

    def grant(self, tenant: str, profile: str, module: str) -> Grant | None:
        """Return the grant of a module to a profile, or None."""
        return self._find(Grant, partition(tenant, "PRF", profile), f"MODULE#{module}")

    def grants(self, tenant: str, profile: str) -> list[Grant]:
        """Return what a profile was ever granted."""
        rows = self._table.query(partition(tenant, "PRF", profile), "MODULE#")
        return [Grant.model_validate(row) for row in rows]

    def customer(self, tenant: str, ref: str) -> Customer:
        """Return the customer or raise NotFound."""
        return self._require(Customer, "customer", partition(tenant, "CUS", ref), "CUSTOMER")

    def find_customer(self, tenant: str, ref: str) -> Customer | None:
        """Return the customer, or None."""
        return self._find(Customer, partition(tenant, "CUS", ref), "CUSTOMER")

    def cards(self, tenant: str, ref: str) -> list[SavedMethod]:
        """Return the customer's saved cards."""
        return [
            SavedMethod.model_validate(row)
            for row in self._table.query(partition(tenant, "CUS", ref), "CARD#")
        ]

    def card(self, tenant: str, ref: str, payment_method: str) -> SavedMethod | None:
        """Return one saved card, or None."""
        return self._find(SavedMethod, partition(tenant, "CUS", ref), f"CARD#{payment_method}")

    def uses(self, tenant: str, ref: str, payment_method: str) -> list[Attempt]:
        """Return the attempts of the last weeks that charge, or charged, a card."""
        rows = self._table.query(partition(tenant, "CUS", ref), f"USE#{payment_method}#")
        uses = [CardUse.model_validate(row) for row in rows]
        keys = [(partition(tenant, "INV", use.invoice), f"ATTEMPT#{use.attempt}") for use in uses]
        return [Attempt.model_validate(row) for row in self._table.get_many(keys)]

    def holder(self, tenant: str, kind: str, value: str) -> str | None:
        """Return whose a reserved name is, or None."""
        found = self._find(Reservation, partition(tenant, kind, value), "RESERVATION")
        return found.holder if found else None

    def event(self, tenant: str, account: str, mode: str, event: str) -> InboxEvent | None:
        """Return a kept event, or None."""
        return self._find(
            InboxEvent, partition(tenant, "EVT", f"{account}:{mode}:{event}"), "EVENT"
        )

    def run(self, tenant: str, run: str) -> Run:
        """Return the reconciliation run or raise NotFound."""
        return self._require(Run, "reconciliation run", partition(tenant, "RUN", run), "RUN")

    def find_break(self, tenant: str, name: str) -> Break | None:
        """Return a break, or None."""
        return self._find(Break, partition(tenant, "BRK", name), "BREAK")

    def audit_head(self, tenant: str, chain: int) -> AuditHead | None:
        """Return where a chain of the audit trail ends, or None before its first record."""
        return self._find(AuditHead, partition(tenant, "AUD", str(chain)), "HEAD")

    def audit_chain(self, tenant: str, chain: int) -> Iterator[AuditRecord]:
        """Yield the records of a chain, the oldest first."""
        for row in self._table.query(partition(tenant, "AUD", str(chain)), "RECORD#"):
            yield AuditRecord.model_validate(row)

    def tallies(self, like: list[Tally]) -> list[Tally]:
        """Return what was counted under the names of `like`, as far as anything was."""
        rows = self._table.get_many([_address(each) for each in like])
        return [Tally.model_validate(row) for row in rows]

    def idempotency(self, tenant: str, route: str, key: str) -> IdempotencyRecord | None:
        """Return what a key was used for, or None."""
        return self._find(
            IdempotencyRecord, partition(tenant, "IDM", f"{route}#{key}"), "IDEMPOTENCY"
        )

    def answers(self, tenant: str, about: str) -> list[IdempotencyRecord]:
        """Return the kept answers that tell of a person, by what they are about."""
        entries = self._table.newest(f"T#{tenant}#answers#{about}", None, {})
        rows = self._table.get_many([(entry["pk"], entry["sk"]) for entry in entries])
        return [IdempotencyRecord.model_validate(row) for row in rows]

    def notification(
        self, tenant: str, about: str, subject: str, ident: str
    ) -> Notification | None:
        """Return what somebody has to be told, or None."""
        return self._find(Notification, partition(tenant, about, subject), f"NOTICE#{ident}")

    def subscriptions(self, tenant: str) -> list[Subscription]:
        """Return who ever subscribed to the tenant's events, oldest first."""
        rows = self._table.query(partition(tenant, "SUB", "own"), "SUBSCRIPTION#")
        return [Subscription.model_validate(row) for row in rows]

    def subscription(self, tenant: str, subscription: str) -> Subscription:
        """Return the subscription or raise NotFound."""
        home = partition(tenant, "SUB", "own")
        return self._require(Subscription, "subscription", home, f"SUBSCRIPTION#{subscription}")

    def signing_secret(self, tenant: str, subscription: str) -> SigningSecret:
        """Return what signs a subscription's events, or raise NotFound."""
        home = partition(tenant, "SUB", subscription)
        return self._require(SigningSecret, "signing secret", home, "SECRET")

    def delivery(self, tenant: str, subscription: str, delivery: str) -> Delivery:
        """Return the delivery or raise NotFound."""
        home = partition(tenant, "SUB", subscription)
        return self._require(Delivery, "delivery", home, f"DELIVERY#{delivery}")

    def deliveries(
        self, tenant: str, subscription: str, *, limit: int, cursor: str | None
    ) -> tuple[list[Delivery], str | None]:
        """Return a page of a subscription's deliveries, newest first."""
        home = f"T#{tenant}#delivery#{subscription}"
        return self._page(Delivery, home, limit, cursor, {})

    def page(
        self,
        kind: type[M],
        tenant: str,
        *,
        limit: int,
        cursor: str | None,
        wanted: dict[str, str] | None = None,
    ) -> tuple[list[M], str | None]:
        """
        Return a page of a tenant's objects, newest first, and the cursor of the next one.

        The index only finds them; the rows are read consistently.
        """
        home = f"T#{tenant}#{_NAMES[kind]}"
        return self._page(kind, home, limit, cursor, wanted or {})

    def _page(
        self, kind: type[M], home: str, limit: int, cursor: str | None, wanted: dict[str, str]
    ) -> tuple[list[M], str | None]:
        entries: list[Row] = []
        for entry in self._table.newest(home, cursor, wanted):
            entries.append(entry)
            if len(entries) > limit:
                break
        rows = self._table.get_many([(entry["pk"], entry["sk"]) for entry in entries[:limit]])
        following = entries[limit - 1]["list_sort"] if len(entries) > limit else None
        return [kind.model_validate(row) for row in rows], following

    def named(self, kind: type[M], tenant: str, name: str) -> M:
        """Return a tenant's object by its id alone; the index only finds it. Or raise NotFound."""
        key = self._table.listed(f"T#{tenant}#{_NAMES[kind]}", name)
        found = self._find(kind, *key) if key else None
        if not found:
            raise NotFound(f"There is no such {_NAMES[kind]}.")
        return found

    def find_link(self, digest: str) -> LinkPointer | None:
        """Return where a pay link's token leads; tenant-free, so what it leads to is read again."""
        return self._find(LinkPointer, f"P#LNK#{digest}", "POINTER")

    def find_state(self, digest: str) -> ConnectState | None:
        """Return whose way back from Stripe it is; tenant-free, as above."""
        return self._find(ConnectState, f"P#STATE#{digest}", "POINTER")

    def find_connected(self, mode: str, stripe_account: str) -> ConnectedAccount | None:
        """Return whose a connected Stripe account is; tenant-free, as above."""
        return self._find(ConnectedAccount, account_pointer(mode, stripe_account), "POINTER")

    def find_client(self, client: str) -> Row | None:
        """Return tenant, role and profile of a machine client; tenant-free by nature."""
        return self._table.get(f"P#CLIENT#{client}", "POINTER")

    def working_accounts(self) -> Iterator[Account]:
        """Yield the accounts of every tenant that somebody has to look after."""
        return self.due(Account, datetime.max)  # noqa: DTZ901 - after every time there is

    def due(self, kind: type[M], until: datetime, *, limit: int | None = None) -> Iterator[M]:
        """Yield the objects of every tenant whose work is due, at most `limit` for each shard."""
        name = _NAMES[kind]
        for shard in range(DUE_SHARDS):
            keys = list(self._table.due(f"DUE#{name}#{shard}", stamp(until), limit=limit))
            for pk, sk in keys:
                found = self._find(kind, pk, sk)
                if found:
                    yield found

    def _find(self, kind: type[M], pk: str, sk: str) -> M | None:
        row = self._table.get(pk, sk)
        return kind.model_validate(row) if row else None

    def _require(self, kind: type[M], name: str, pk: str, sk: str) -> M:
        found = self._find(kind, pk, sk)
        if not found:
            raise NotFound(f"There is no such {name}.")
        return found


class InvoiceRows:
    """An invoice's partition, sorted into kinds."""

    _LISTS: ClassVar[dict[str, tuple[str, type[BaseModel]]]] = {
        "ATTEMPT": ("attempts", Attempt),
        "PAYMENT": ("payments", Payment),
        "SHARE": ("shares", Share),
        "REFUND": ("refunds", Refund),
        "CREDITNOTE": ("credit_notes", CreditNote),
        "DISPUTE": ("disputes", Dispute),
        "JOURNAL": ("journal", JournalEntry),
        "NOTICE": ("notifications", Notification),
    }

    def __init__(self) -> None:
        """Start empty."""
        self.invoice: Invoice | None = None
        self.attempts: list[Attempt] = []
        self.payments: list[Payment] = []
        self.shares: list[Share] = []
        self.refunds: list[Refund] = []
        self.credit_notes: list[CreditNote] = []
        self.disputes: list[Dispute] = []
        self.journal: list[JournalEntry] = []
        self.recovery: Recovery | None = None
        self.notifications: list[Notification] = []

    def require_invoice(self) -> Invoice:
        """Return the invoice or raise NotFound."""
        if not self.invoice:
            raise NotFound("There is no such invoice.")
        return self.invoice

    def add(self, row: Row) -> None:
        """Take in one row of the partition."""
        kind = row["sk"].partition("#")[0]
        if kind == "INVOICE":
            self.invoice = Invoice.model_validate(row)
        elif kind == "RECOVERY":
            self.recovery = Recovery.model_validate(row)
        elif kind in self._LISTS:
            name, model = self._LISTS[kind]
            getattr(self, name).append(model.model_validate(row))
