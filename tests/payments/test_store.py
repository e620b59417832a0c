"""Where every row lives: under its tenant, found by nobody else, and read back as it was."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from payments.doors.keys import DUE_SHARDS, due_shard, partition, stamp
from payments.doors.rows.addresses import row_of
from payments.doors.store import Store, change
from payments.doors.table import Contended, RowChanged, Table, from_attributes, to_attributes
from payments.errors import NotFound, TooMuchContention
from payments.facts.account import Account, AccountStatus
from payments.facts.attempt import Attempt, AttemptStatus, Decline
from payments.facts.event import InboxEvent
from payments.facts.idempotency import IdempotencyRecord
from payments.facts.invoice import Invoice, Line
from payments.facts.link import LinkPointer
from payments.facts.payment import Fee, Payment, Share
from payments.facts.refund import Refund
from payments.facts.reservation import Reservation
from payments.facts.run import Run
from payments.facts.settings import Settings
from tests.payments import examples
from tests.payments.examples import NOW

#: One of every kind, with its optional fields filled where they have a shape of their own.
ROWS: list[BaseModel] = [
    examples.invoice(
        due=NOW.date(),
        lines=(Line(description="Tulips", quantity=1, unit_amount=100_00, tax_rate="0.19"),),
        claim={"attempt": "att_1", "amount": 1, "channel": "link"},
        voided_at=NOW,
    ),
    examples.attempt(
        status=AttemptStatus.FAILED, decline=Decline(code="card_declined"), sweep_at=NOW
    ),
    examples.payment(fee=Fee(state="known", amount=3, net=97, currency="usd")),
    examples.refund(stripe_refund="re_1", sweep_at=NOW),
    examples.credit_note(reversed_at=NOW),
    examples.journal_entry(),
    examples.dispute(
        due_by=NOW,
        sweep_at=NOW,
        movements=({"id": "txn_1", "amount": 1, "fee": 1, "fee_currency": "usd", "at": NOW},),
        loss={"credit": 1, "parts": ({"invoice": "inv_2", "amount": 2},)},
        flagged=("inv_1",),
    ),
    examples.link(amount=5_00, message="Thank you"),
    examples.pointer(),
    examples.account(
        status="active",
        error_emails=("a@example.com",),
        checks=({"permission": "charges.read", "ok": True},),
        endpoint={"id": "we_1", "url": "https://x", "api_version": "v"},
    ),
    examples.module(features={"link": True}),
    examples.grant(removed_at=NOW),
    examples.customer(stripe_ids={"acc_1:test": "cus_1"}),
    examples.card(brand="visa", exp_month=12),
    examples.event(sweep_at=NOW),
    Settings(tenant="tulips", late_payment="refund"),
    examples.run(breaks={"missing_payment": 2}, cursor="pi_1"),
    examples.found_break(),
    examples.reservation(),
    examples.idempotency_record(answer={"status": 200, "body": {"lines": [1, None]}}),
]
KINDS = [type(model).__name__ for model in ROWS]
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789._:@+-", min_size=1, max_size=20)


@pytest.mark.parametrize("model", ROWS, ids=KINDS)
def test_every_kind_of_row_is_read_back_as_it_was_written(model: BaseModel, table: Table) -> None:
    row = row_of(model)
    table.put(row)

    assert type(model).model_validate(table.get(row["pk"], row["sk"])) == model
    assert from_attributes(to_attributes(row)) == row


@pytest.mark.parametrize("model", ROWS, ids=KINDS)
def test_every_address_but_a_pointers_begins_with_the_tenant(model: BaseModel) -> None:
    row = row_of(model)

    start = "P#LNK#" if isinstance(model, LinkPointer) else "T#tulips#"
    assert row["pk"].startswith(start)
    assert row.get("list_key", "T#tulips#").startswith("T#tulips#")
    assert row["schema_v"] == 1


def test_no_two_kinds_of_row_share_an_address() -> None:
    addresses = {(row["pk"], row["sk"]) for row in map(row_of, ROWS)}

    assert len(addresses) == len(ROWS)


@given(NAMES, NAMES, NAMES, NAMES)
def test_no_two_tenants_share_a_partition(one: str, other: str, name: str, name2: str) -> None:
    same = partition(one, "INV", name) == partition(other, "INV", name2)

    assert same is ((one, name) == (other, name2))


@given(NAMES)
def test_every_object_has_one_shard_and_it_exists(name: str) -> None:
    assert due_shard("attempt", name) in {f"DUE#attempt#{n}" for n in range(DUE_SHARDS)}


READS = {
    "invoice": (examples.invoice(), lambda store, tenant: store.invoice(tenant, "inv_1")),
    "attempt": (examples.attempt(), lambda store, tenant: store.attempt(tenant, "inv_1", "att_1")),
    "payment": (examples.payment(), lambda store, tenant: store.payment(tenant, "inv_1", "ch_1")),
    "named payment": (
        examples.payment(),
        lambda store, tenant: store.named(Payment, tenant, "pay_1"),
    ),
    "payments_of": (
        examples.payment(),
        lambda store, tenant: next(iter(store.payments_of(tenant, "inv_1")), None),
    ),
    "refund": (examples.refund(), lambda store, tenant: store.refund(tenant, "inv_1", "rfd_1")),
    "named refund": (
        examples.refund(),
        lambda store, tenant: store.named(Refund, tenant, "rfd_1"),
    ),
    "credit_note": (
        examples.credit_note(),
        lambda store, tenant: store.credit_note(tenant, "inv_1", "rfd_1"),
    ),
    "dispute": (
        examples.dispute(),
        lambda store, tenant: store.dispute(tenant, "inv_1", "du_1"),
    ),
    "disputes_of": (
        examples.dispute(),
        lambda store, tenant: next(iter(store.disputes_of(examples.payment(tenant=tenant))), None),
    ),
    "link": (examples.link(), lambda store, tenant: store.link(tenant, "inv_1", "lnk_1")),
    "account": (examples.account(), lambda store, tenant: store.account(tenant, "acc_1")),
    "module": (examples.module(), lambda store, tenant: store.module(tenant, "mod_1")),
    "grant": (examples.grant(), lambda store, tenant: store.grant(tenant, "sales", "mod_1")),
    "grants": (
        examples.grant(),
        lambda store, tenant: next(iter(store.grants(tenant, "sales")), None),
    ),
    "customer": (examples.customer(), lambda store, tenant: store.customer(tenant, "C1")),
    "find_customer": (examples.customer(), lambda store, tenant: store.find_customer(tenant, "C1")),
    "card": (examples.card(), lambda store, tenant: store.card(tenant, "C1", "pm_1")),
    "cards": (examples.card(), lambda store, tenant: next(iter(store.cards(tenant, "C1")), None)),
    "event": (
        examples.event(),
        lambda store, tenant: store.event(tenant, "acc_1", "test", "evt_1"),
    ),
    "settings": (
        Settings(tenant="tulips", late_payment="refund"),
        lambda store, tenant: store.settings(tenant) if tenant == "tulips" else None,
    ),
    "run": (examples.run(), lambda store, tenant: store.run(tenant, "run_1")),
    "break": (examples.found_break(), lambda store, tenant: store.find_break(tenant, "brk_1")),
    "idempotency": (
        examples.idempotency_record(),
        lambda store, tenant: store.idempotency(tenant, "POST /v1/invoices", "k1"),
    ),
}


@pytest.mark.parametrize(("model", "read"), READS.values(), ids=READS.keys())
def test_a_row_is_found_by_its_own_tenant_and_by_no_other(
    model: BaseModel, read: Any, store: Store
) -> None:
    store.save(model)

    assert read(store, "tulips") == model
    try:
        found = read(store, "bakery")
    except NotFound:
        found = None
    assert found is None


@pytest.mark.parametrize("kind", [Invoice, Account, Run])
def test_a_list_holds_no_row_of_another_tenant(kind: type[BaseModel], store: Store) -> None:
    example = {Invoice: examples.invoice, Account: examples.account, Run: examples.run}[kind]
    mine, theirs = example(id="x_1"), example(id="x_2", tenant="bakery")
    store.write(change(mine), change(theirs))

    assert store.page(kind, "tulips", limit=9, cursor=None) == ([mine], None)
    assert store.page(kind, "nobody", limit=9, cursor=None) == ([], None)


def test_a_list_is_paged_newest_first_and_shows_every_object_once(store: Store) -> None:
    for number in range(7):
        store.save(examples.invoice(id=f"inv_{number}"))

    pages, cursor = [], None
    for _ in range(9):
        found, cursor = store.page(Invoice, "tulips", limit=3, cursor=cursor)
        pages.append([invoice.id for invoice in found])
        if cursor is None:
            break
    assert [len(page) for page in pages] == [3, 3, 1]
    assert list(itertools.chain(*pages)) == [f"inv_{number}" for number in (6, 5, 4, 3, 2, 1, 0)]


def test_a_full_last_page_has_no_cursor(store: Store) -> None:
    for number in range(3):
        store.save(examples.invoice(id=f"inv_{number}"))

    assert store.page(Invoice, "tulips", limit=3, cursor=None)[1] is None


def test_a_list_is_filtered_by_what_an_invoice_is_and_not_by_what_it_was(store: Store) -> None:
    opened = store.save(examples.invoice(id="inv_1"))
    store.save(examples.invoice(id="inv_2", customer="C2", due=NOW.date()))
    store.save(opened.having(settled=100_00), opened)

    def ids(**wanted: str) -> list[str]:
        found, _ = store.page(Invoice, "tulips", limit=9, cursor=None, wanted=wanted)
        return [invoice.id for invoice in found]

    assert ids(status="paid") == ["inv_1"]
    assert ids(status="open") == ["inv_2"]
    assert ids(status="paid", customer="C2") == []
    assert ids(number="RE-1") == ["inv_2", "inv_1"]
    assert ids(due_before=str(NOW.date() + timedelta(days=1))) == ["inv_2"]


def test_payments_are_filtered_by_when_they_were_paid(store: Store) -> None:
    for day in range(3):
        at = NOW + timedelta(days=day)
        store.save(examples.payment(id=f"pay_{day}", charge=f"ch_{day}", paid_at=at))

    def ids(**wanted: str) -> list[str]:
        found, _ = store.page(Payment, "tulips", limit=9, cursor=None, wanted=wanted)
        return [payment.id for payment in found]

    second = stamp(NOW + timedelta(days=1))
    assert ids(paid_at_from=second) == ["pay_2", "pay_1"]
    assert ids(paid_at_before=second) == ["pay_0"]
    assert ids(paid_at_from=second, status="refunded") == []


def test_a_payment_of_several_invoices_is_found_under_each_with_its_refunds(store: Store) -> None:
    refund = examples.refund()
    payment = examples.payment(refunds=("rfd_1",))
    share = Share(
        tenant="tulips",
        invoice="inv_2",
        home="inv_1",
        payment="pay_1",
        source="ch_1",
        amount=1,
        at=NOW,
    )
    store.write(change(payment), change(refund), change(share))

    assert store.payments_of("tulips", "inv_1") == store.payments_of("tulips", "inv_2") == [payment]
    assert store.refunds_of(payment) == [refund]
    assert store.payments_of("bakery", "inv_2") == []


def test_a_change_raises_the_version_by_one(store: Store) -> None:
    first = store.save(examples.invoice(version=9))
    second = store.save(first.having(settled=1), first)

    assert (first.version, second.version) == (1, 2)
    assert store.invoice("tulips", "inv_1") == second


def test_what_was_read_before_somebody_elses_change_cannot_be_written(store: Store) -> None:
    seen = store.save(examples.invoice())
    store.save(seen.having(settled=1), seen)

    with pytest.raises(RowChanged):
        store.save(seen.having(credited=1), seen)


def test_changes_are_written_together_or_not_at_all(store: Store) -> None:
    store.save(examples.payment())

    with pytest.raises(RowChanged) as changed:
        store.write(change(examples.invoice()), change(examples.payment(gross=5)))
    assert changed.value.rows == (1,)
    with pytest.raises(NotFound):
        store.invoice("tulips", "inv_1")


def test_rows_that_stay_busy_are_an_error_that_a_caller_may_try_again() -> None:
    class Busy:
        def transact(self, *_: Any) -> None:
            raise Contended

    with pytest.raises(TooMuchContention) as busy:
        Store(Busy()).write(change(examples.invoice()), change(examples.attempt()))
    assert busy.value.retryable


def test_an_invoice_comes_with_all_that_happened_to_it(store: Store) -> None:
    attempts = [examples.attempt(id=f"att_{number}") for number in (1, 2)]
    other = examples.attempt(invoice="inv_2")
    rows = [
        examples.invoice(),
        *attempts,
        other,
        examples.payment(),
        examples.journal_entry(),
        examples.link(),
    ]
    store.write(*map(change, rows))

    found = store.invoice_rows("tulips", "inv_1")

    assert found.require_invoice() == examples.invoice()
    assert (found.attempts, found.payments) == (attempts, [examples.payment()])
    with pytest.raises(NotFound):
        store.invoice_rows("bakery", "inv_1").require_invoice()


def test_due_work_is_found_for_every_tenant_and_only_when_it_is_due(store: Store) -> None:
    store.save(examples.attempt(id="att_1", sweep_at=NOW))
    store.save(examples.attempt(id="att_2", sweep_at=NOW, tenant="bakery"))
    store.save(examples.attempt(id="att_3", sweep_at=NOW + timedelta(seconds=1)))
    store.save(examples.attempt(id="att_4"))
    store.save(examples.event(sweep_at=NOW))

    assert {found.id for found in store.due(Attempt, NOW, limit=5)} == {"att_1", "att_2"}
    assert [found.id for found in store.due(InboxEvent, NOW, limit=5)] == ["evt_1"]


def test_work_that_is_done_is_no_longer_due(store: Store) -> None:
    open_ = store.save(examples.attempt(sweep_at=NOW))
    store.save(open_.become(AttemptStatus.CANCELED), open_)
    event = store.save(examples.event(sweep_at=NOW))
    store.save(event.done("applied"), event)

    assert not list(store.due(Attempt, NOW, limit=5))
    assert not list(store.due(InboxEvent, NOW, limit=5))


@pytest.mark.parametrize("status", list(AccountStatus))
def test_only_an_account_that_somebody_has_to_look_after_is_due(
    status: AccountStatus, store: Store
) -> None:
    store.save(examples.account(slots={"live": examples.slot(status=status)}))

    over = status is AccountStatus.DISCONNECTED
    assert bool(list(store.due(Account, NOW, limit=5))) is not over


def test_a_name_is_taken_once_for_each_tenant(store: Store) -> None:
    store.save(examples.reservation())
    store.save(examples.reservation(tenant="bakery"))

    with pytest.raises(RowChanged):
        store.save(examples.reservation(holder="inv_2"))


def test_a_number_and_an_accounts_name_may_be_the_same_word(store: Store) -> None:
    store.save(examples.reservation(kind="NUM"))

    assert store.save(examples.reservation(kind="NAM")) == Reservation(
        tenant="tulips", kind="NAM", value="RE-1", holder="inv_1"
    )


def test_a_pay_links_digest_leads_to_its_tenant(store: Store) -> None:
    store.save(examples.pointer())

    assert store.find_link("d1") == examples.pointer()
    assert store.find_link("d2") is None


def test_a_machine_is_known_by_its_client_id(store: Store, table: Table) -> None:
    table.put({"pk": "P#CLIENT#c1", "sk": "POINTER", "tenant": "tulips", "version": 1})

    assert (store.find_client("c1") or {})["tenant"] == "tulips"
    assert store.find_client("c2") is None


def test_what_is_none_takes_no_room_in_a_row() -> None:
    assert None not in row_of(examples.invoice()).values()
    assert "order_ref" not in row_of(examples.invoice())


def test_of_these_only_a_key_and_an_event_are_ever_deleted_by_their_age() -> None:
    aged = {type(model) for model in ROWS if "ttl" in row_of(model)}

    assert aged == {IdempotencyRecord, InboxEvent}


class Counted:
    """Counts what is read, in front of the double."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        self.reads += name in {"get_item", "batch_get_item"}
        return getattr(self._client, name)


@pytest.fixture
def remembering(table: Table, monkeypatch: pytest.MonkeyPatch) -> tuple[Store, Counted]:
    counted = Counted(table._client)
    monkeypatch.setattr(table, "_client", counted)
    return Store(table).remembering(), counted


def test_a_store_that_remembers_reads_a_row_once_alone_or_in_a_batch(
    remembering: tuple[Store, Counted],
) -> None:
    store, counted = remembering
    Store(store._table).create(examples.invoice(), examples.customer())

    assert store.invoice("tulips", "inv_1") == store.invoice("tulips", "inv_1")
    assert store.parties(store.invoice("tulips", "inv_1"))[0] == store.customer("tulips", "C1")
    assert store.find_customer("tulips", "C2") is store.find_customer("tulips", "C2") is None
    assert counted.reads == 3


def test_a_store_that_remembers_knows_what_it_has_written(
    remembering: tuple[Store, Counted],
) -> None:
    store, counted = remembering
    Store(store._table).create(examples.invoice())

    seen = store.invoice("tulips", "inv_1")
    saved = store.save(seen.having(number="N-2"), seen)
    assert store.invoice("tulips", "inv_1") == saved
    assert counted.reads == 1
    assert Store(store._table).invoice("tulips", "inv_1") == saved


def test_a_row_that_could_not_be_written_is_read_anew(remembering: tuple[Store, Counted]) -> None:
    store, _ = remembering
    others = Store(store._table)
    others.create(examples.invoice())
    seen = store.invoice("tulips", "inv_1")
    theirs = others.save(seen.having(number="N-2"), seen)

    with pytest.raises(RowChanged):
        store.save(seen.having(number="N-3"), seen)
    assert store.invoice("tulips", "inv_1") == theirs


def test_a_store_that_remembers_reads_lists_each_time(remembering: tuple[Store, Counted]) -> None:
    store, _ = remembering
    assert store.cards("tulips", "C1") == []
    Store(store._table).create(examples.card())

    assert len(store.cards("tulips", "C1")) == 1
