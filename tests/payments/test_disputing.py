"""Any order and repetition of the news of a dispute gives the same rows, and books that balance."""

from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.doors.doors import Doors
from payments.doors.store import Store, change
from payments.doors.table import Table, from_attributes
from payments.facts.credit import CustomerCredit
from payments.facts.dispute import TRANSITIONS, Dispute, DisputeStatus
from payments.facts.invoice import Invoice
from payments.facts.ledger import JournalEntry, invoice_entry, payment_received, transfer
from payments.facts.payment import Allocation, Payment
from payments.facts.stripe_objects import BalanceTransaction, StripeDispute
from payments.steps.attempts.provenance import (
    Mismatch,
    NotOurs,
    OtherConnection,
    Slot,
    UnknownAttempt,
)
from payments.steps.disputes.apply_dispute import apply_dispute
from tests.doubles.dynamo import Dynamo
from tests.payments import examples
from tests.payments.examples import NOW

INVOICES = ("inv_1", "inv_2", "inv_3")
BOOKS = {"tenant": "tulips", "account": "acc_1", "mode": "test"}
METADATA = {"tenant": "tulips", "invoice": "inv_1", "attempt": "att_1"}
#: What is different each time, and means nothing.
FLEETING = {"version", "submitted_at", "sweep_at", "list_sort"}


@dataclass
class Bank:
    """Stripe, as far as one dispute goes: `history` is all that it ever says of it, in order."""

    history: list[StripeDispute]
    moment: int = 0

    def dispute(self, _: str) -> StripeDispute:
        return self.history[self.moment]

    def watched_by(self, _: object) -> "Bank":
        return self


@dataclass(frozen=True)
class Paid:
    """A payment of up to three invoices, perhaps with credit, of which a part was given back."""

    parts: tuple[int, ...]
    unapplied: int
    given_back: int

    @property
    def gross(self) -> int:
        return sum(self.parts) + self.unapplied


@dataclass
class Books:
    """A real store with the payment in it."""

    paid: Paid
    bank: Bank
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.dynamo = Dynamo()
        table = Table(self.dynamo, "t", sleep=lambda _: None, jitter=lambda: 0)
        self.store = Store(table)
        paid = self.paid
        parts = tuple(
            Allocation(invoice=name, amount=amount)
            for name, amount in zip(INVOICES, paid.parts, strict=False)
        )
        payment = examples.payment(
            gross=paid.gross,
            allocations=parts,
            unapplied=paid.unapplied,
            refunded=paid.given_back,
        )
        invoices = [
            examples.invoice(
                id=part.invoice, total=part.amount + 5_00, settled=part.amount, refunded=given
            )
            for part, given in zip(parts, self.given(), strict=True)
        ]
        for invoice in invoices:
            self.save(invoice, invoice_entry(invoice, "finalized", invoice.total, NOW))
        asked = examples.attempt(payment_intent="pi_1")
        self.save(payment, asked, payment_received(payment), self.refund_entry())
        if paid.unapplied:
            credit = {"tenant": "tulips", "customer": "C1", "currency": "eur", "mode": "test"}
            self.save(CustomerCredit(**credit, balance=paid.unapplied))

    def given(self) -> list[int]:
        """What was given back of each invoice: the first comes first."""
        left, given = self.paid.given_back, []
        for part in self.paid.parts:
            given.append(min(left, part))
            left -= given[-1]
        return given

    def refund_entry(self) -> JournalEntry:
        postings = transfer("ar:C1", "stripe_balance:acc_1:test", self.paid.given_back, "eur")
        return JournalEntry(
            tenant="tulips", invoice="inv_1", fact="re_1#refund", at=NOW, postings=postings
        )

    def save(self, *rows: Any) -> None:
        self.store.write(*map(change, rows))

    def hear(self, moment: int) -> Dispute:
        """Take in an event; whichever it is, what counts is what the bank says at the moment."""
        self.bank.moment = moment
        return apply_dispute("du_1", Slot(**BOOKS), self.doors())

    def doors(self) -> Doors:
        nothing: Any = None
        return Doors(
            store=self.store,
            secrets=Keys(),  # type: ignore[arg-type]
            stripe=lambda _: self.bank,  # type: ignore[arg-type, return-value]
            stripe_platform=nothing,
            events=nothing,
            reconciliations=nothing,
            mail=nothing,
            bus=nothing,
            outbound=nothing,
            now=lambda: NOW,
            new_id=nothing,
            time_left=lambda: 60,
        )

    def rows(self) -> dict[Any, Any]:
        """Every row but the journal's and the outbox's, without what means nothing."""
        return {
            key: {
                name: value for name, value in from_attributes(row).items() if name not in FLEETING
            }
            for key, row in self.dynamo.rows.items()
            if not key[1].startswith(("JOURNAL#", "NOTICE#"))
        }

    def balances(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for (_, sk), row in self.dynamo.rows.items():
            if sk.startswith("JOURNAL#"):
                for posting in from_attributes(row)["postings"]:
                    found[posting["account"]] += posting["amount"]
        return found


class Keys:
    def keys(self, *_: str) -> dict[str, str]:
        return {"secret_key": "none"}


payments = st.builds(
    Paid,
    parts=st.lists(st.integers(1, 50_00), min_size=1, max_size=3).map(tuple),
    unapplied=st.integers(0, 20_00),
    given_back=st.just(0),
).flatmap(
    lambda paid: st.integers(0, sum(paid.parts)).map(
        lambda given: Paid(paid.parts, paid.unapplied, given)
    )
)


@st.composite
def histories(draw: Any, paid: Paid) -> list[StripeDispute]:
    """All that Stripe says of a dispute: a walk through the table, money moving in between."""
    amount = draw(st.integers(1, paid.gross))
    status = draw(st.sampled_from(["warning_needs_response", "needs_response"]))
    said, moved = [], ()
    for number in range(draw(st.integers(1, 8))):
        said.append(told(amount, status, moved, number))
        if draw(st.booleans()):
            moved = movement(amount, status, moved, number)
        else:
            ahead = sorted(TRANSITIONS[DisputeStatus(status)])
            status = draw(st.sampled_from(ahead)) if ahead else status
    return [*said, told(amount, status, moved, 9)]


def movement(
    amount: int, status: str, moved: tuple[BalanceTransaction, ...], number: int
) -> tuple[BalanceTransaction, ...]:
    """What the bank does with the money: it takes all of it once, and brings it back if we win."""
    out = -sum(each.amount for each in moved)
    if status.startswith("warning"):
        return moved
    takes = 0 if out else -amount
    sign = out if status == "won" else takes
    fee = 15_00 if sign < 0 else 0
    booked = BalanceTransaction(
        id=f"txn_{number}", amount=sign, fee=fee, net=sign - fee, currency="eur"
    )
    return (*moved, booked) if sign else moved


def told(
    amount: int, status: str, moved: tuple[BalanceTransaction, ...], number: int
) -> StripeDispute:
    return StripeDispute(
        id="du_1",
        status=status,
        amount=amount,
        currency="eur",
        charge="ch_1",
        created=int(NOW.timestamp()),
        livemode=False,
        reason="general",
        evidence_details={"has_evidence": number > 2},
        balance_transactions=moved,
        payment_intent=examples.intent(metadata=METADATA),
    )


@st.composite
def stories(draw: Any) -> tuple[Paid, list[StripeDispute], list[int]]:
    """A payment, a dispute, and when we hear of it: some moments twice, some never."""
    paid = draw(payments)
    history = draw(histories(paid))
    moments = draw(st.lists(st.integers(0, len(history) - 1), max_size=8))
    return paid, history, [*sorted(moments), len(history) - 1]


@given(stories())
def test_any_order_and_repetition_of_the_news_gives_the_same_rows_and_balances(
    story: tuple[Paid, list[StripeDispute], list[int]],
) -> None:
    paid, history, moments = story
    heard, once = Books(paid, Bank(history)), Books(paid, Bank(history))

    for moment in moments:
        dispute = heard.hear(moment)
        assert_right(heard, dispute)
    once.hear(len(history) - 1)

    assert heard.rows() == once.rows()
    assert +heard.balances() == +once.balances()
    assert -heard.balances() == -once.balances()


def assert_right(books: Books, dispute: Dispute) -> None:
    """What has to hold after every step: D1, D2, D5, D11, and that the hold is what is held."""
    payment = books.store.payment("tulips", "inv_1", "ch_1")
    assert isinstance(payment, Payment)
    invoices = [
        books.store.invoice("tulips", name)
        for name, _ in zip(INVOICES, books.paid.parts, strict=False)
    ]
    balances = books.balances()
    credit = books.store.credit("tulips", "C1", "test", "eur")

    assert sum(balances.values()) == 0
    assert balances["dispute_hold"] == dispute.taken - dispute.lost
    assert payment.disputed == dispute.contested
    applied = sum(part.amount for part in payment.allocations)
    assert applied + payment.unapplied + payment.returned == payment.gross
    assert (credit.balance if credit else 0) == payment.unapplied == -balances["customer_credit:C1"]
    assert balances["ar:C1"] == sum(invoice.total - invoice.paid for invoice in invoices)
    assert sum(map(charged_back, invoices)) + payment.returned + dispute.loss.beyond == dispute.lost
    assert all(invoice.outstanding <= invoice.total for invoice in invoices)
    assert sum(part.amount for part in payment.lost) + dispute.loss.beyond == dispute.lost
    assert {invoice.open_disputes for invoice in invoices} == {int(dispute.is_open)}


def charged_back(invoice: Invoice) -> int:
    return invoice.charged_back


@given(stories())
def test_hearing_it_again_writes_nothing(
    story: tuple[Paid, list[StripeDispute], list[int]],
) -> None:
    paid, history, _ = story
    books = Books(paid, Bank(history))
    books.hear(len(history) - 1)
    before = dict(books.dynamo.rows)

    books.hear(len(history) - 1)

    assert books.dynamo.rows == before


@dataclass
class Slow(Bank):
    """Answers a worker with what was true when it asked, after another worker has been through."""

    books: Any = None
    slow_at: int = -1
    asked: int = 0

    def dispute(self, _: str) -> StripeDispute:
        answer, number = self.history[self.moment], self.asked
        self.asked += 1
        if number == self.slow_at:
            self.books.hear(len(self.history) - 1)
        return answer


def walk(*statuses: str) -> list[StripeDispute]:
    """A dispute's history in which money moves as it does with cards."""
    said, moved = [], ()
    for number, status in enumerate(statuses):
        moved = movement(80_00, status, moved, number)
        said.append(told(80_00, status, moved, number))
    return said


@pytest.mark.parametrize(("known", "slow_at"), [(False, 0), (True, 0), (True, 1)])
def test_an_answer_that_is_older_than_what_another_worker_wrote_changes_nothing(
    known: bool, slow_at: int
) -> None:
    history = walk("warning_needs_response", "needs_response", "lost")
    bank = Slow(history)
    bank.books = books = Books(Paid((100_00,), 0, 0), bank)
    if known:
        books.hear(0)
    bank.asked, bank.slow_at = 0, slow_at

    dispute = books.hear(1)

    assert (dispute.status, dispute.loss.total) == ("lost", 80_00)
    assert_right(books, dispute)


@pytest.mark.parametrize(
    ("statuses", "reached"),
    [
        (("needs_response", "under_review"), 1),
        (("under_review", "needs_response"), 0),
        (("warning_closed", "warning_needs_response"), 0),
        (("needs_response", "a_new_word"), 0),
    ],
)
def test_what_the_table_does_not_know_is_not_booked_unseen(
    statuses: tuple[str, ...], reached: int
) -> None:
    history = walk(*statuses)
    books = Books(Paid((100_00,), 0, 0), Bank(history))
    books.hear(0)

    with nullcontext() if reached else pytest.raises(Mismatch):
        books.hear(1)

    stored = books.store.dispute("tulips", "inv_1", "du_1")
    assert stored
    assert stored.status == statuses[reached]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"currency": "usd"}, Mismatch),
        ({"livemode": True}, Mismatch),
        ({"payment_intent": None}, NotOurs),
        ({"payment_intent": "pi_1"}, NotOurs),
        ({"payment_intent": examples.intent(metadata={})}, NotOurs),
        ({"payment_intent": examples.intent(metadata={"tenant": "tulips"})}, UnknownAttempt),
        ({"payment_intent": examples.intent(metadata=METADATA | {"tenant": "b"})}, NotOurs),
        # It names an attempt that is paid by another intent.
        (
            {"charge": "ch_2", "payment_intent": examples.intent(id="pi_2", metadata=METADATA)},
            Mismatch,
        ),
    ],
)
def test_a_dispute_of_something_else_is_not_booked(
    change: dict[str, Any], refusal: type[Exception]
) -> None:
    (said,) = walk("needs_response")
    books = Books(Paid((100_00,), 0, 0), Bank([said.model_copy(update=change)]))
    before = dict(books.dynamo.rows)

    with pytest.raises(refusal):
        books.hear(0)

    assert books.dynamo.rows == before


@pytest.mark.parametrize("change", [{"account": "acc_2"}, {"mode": "live"}])
def test_a_dispute_is_booked_by_the_connection_that_took_the_payment(
    change: dict[str, str],
) -> None:
    books = Books(Paid((100_00,), 0, 0), Bank(walk("needs_response")))
    before = dict(books.dynamo.rows)

    with pytest.raises((OtherConnection, Mismatch)):
        apply_dispute("du_1", Slot(**BOOKS | change), books.doors())

    assert books.dynamo.rows == before
