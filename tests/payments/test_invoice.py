"""An invoice's status follows from its amounts; its claim says who may collect."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.errors import (
    AmountTooSmall,
    ExceedsOutstanding,
    FeatureDisabled,
    InvalidTransition,
    InvoiceNotPayable,
)
from payments.facts.attempt import AttemptStatus, Channel
from payments.facts.claim import Claim
from payments.facts.invoice import Invoice, InvoiceStatus, Line
from tests.payments import examples
from tests.payments.examples import NOW

AMOUNTS = st.integers(0, 1_000_00)
INVOICES = st.builds(
    examples.invoice,
    total=st.integers(1, 1_000_00),
    settled=AMOUNTS,
    refunded=AMOUNTS,
    charged_back=AMOUNTS,
    credited=AMOUNTS,
    draft=st.booleans(),
    voided_at=st.none() | st.just(NOW),
    claim=st.none()
    | st.builds(
        Claim, attempt=st.just("att_1"), amount=AMOUNTS, channel=st.sampled_from(list(Channel))
    ),
)


def held(**changes: Any) -> Invoice:
    return examples.invoice(**changes).claim_for(examples.attempt(amount=changes.get("total", 40)))


@pytest.mark.parametrize(
    ("amounts", "status"),
    [
        ({}, "open"),
        ({"draft": True}, "draft"),
        ({"settled": 1}, "partially_paid"),
        ({"settled": 99_99}, "partially_paid"),
        ({"settled": 100_00}, "paid"),
        ({"settled": 150_00}, "paid"),
        ({"settled": 60_00, "credited": 40_00}, "paid"),
        ({"credited": 100_00}, "paid"),
        ({"credited": 10_00}, "open"),
        ({"settled": 100_00, "refunded": 100_00}, "open"),
        ({"settled": 100_00, "refunded": 1}, "partially_paid"),
        ({"settled": 100_00, "charged_back": 100_00}, "open"),
        ({"settled": 100_00, "refunded": 40_00, "credited": 40_00}, "paid"),
        ({"voided_at": NOW}, "void"),
        ({"voided_at": NOW, "settled": 100_00}, "void"),
        ({"voided_at": NOW, "draft": True}, "void"),
    ],
)
def test_the_status_follows_from_amounts_and_flags(amounts: dict[str, Any], status: str) -> None:
    assert examples.invoice(**amounts).status == status


@given(INVOICES)
def test_what_is_paid_is_what_arrived_and_stayed(invoice: Invoice) -> None:
    assert invoice.paid + invoice.refunded + invoice.charged_back == invoice.settled


@given(INVOICES)
def test_no_part_of_the_total_is_forgotten(invoice: Invoice) -> None:
    accounted = invoice.outstanding + invoice.paid + invoice.credited

    assert accounted >= invoice.total
    assert invoice.outstanding == 0 or accounted == invoice.total


@given(INVOICES)
def test_what_may_be_asked_for_and_what_is_asked_for_are_never_more_than_is_owed(
    invoice: Invoice,
) -> None:
    assert 0 <= invoice.collectable <= invoice.outstanding
    assert invoice.collectable == max(0, invoice.outstanding - invoice.reserved)


@given(INVOICES)
def test_an_invoice_is_paid_or_given_back_exactly_if_nothing_is_owed(invoice: Invoice) -> None:
    if invoice.status in {InvoiceStatus.VOID, InvoiceStatus.DRAFT}:
        return
    settled = invoice.status in {InvoiceStatus.PAID, InvoiceStatus.REFUNDED}
    assert settled is (invoice.outstanding == 0)


@given(INVOICES, st.integers(1, 1_000_00))
def test_money_that_arrives_is_counted_whatever_the_invoice_has_become(
    invoice: Invoice, gross: int
) -> None:
    received = invoice.receive(gross)

    assert received.paid == invoice.paid + gross
    assert received.outstanding <= invoice.outstanding


def test_one_cent_too_much_is_an_overpayment_and_still_paid() -> None:
    exact = examples.invoice().receive(100_00)
    over = examples.invoice().receive(100_00, beyond=1)

    assert (exact.trouble, exact.status) == ("none", "paid")
    assert (over.trouble, over.status, over.outstanding) == ("overpaid", "paid", 0)
    assert over.overpay(-1).trouble == "none"


def test_what_was_credited_is_not_owed_any_more() -> None:
    assert examples.invoice(credited=40_00).owed == 60_00


def test_money_for_a_void_invoice_is_marked_as_late() -> None:
    void = examples.invoice(voided_at=NOW)
    late = void.receive(0, beyond=1_00)

    assert (void.owed, late.paid) == (0, 0)
    assert (late.trouble, late.status) == ("paid_late", "void")
    assert late.overpay(-1_00).trouble == "none"


def test_a_part_payment_does_not_hide_what_was_wrong_before() -> None:
    invoice = examples.invoice(exception="amount_mismatch")

    assert invoice.receive(1_00).exception == "amount_mismatch"


def test_all_that_is_left_is_asked_for_unless_a_part_is_named() -> None:
    invoice = examples.invoice(settled=30_00, allow_partial=True)

    assert invoice.require_collectable(None).amount == 70_00
    assert invoice.require_collectable(20_00).amount == 20_00


@pytest.mark.parametrize(
    ("fields", "amount", "refusal"),
    [
        ({}, 100_01, ExceedsOutstanding),
        ({"settled": 100_00}, None, InvoiceNotPayable),
        ({"draft": True}, None, InvoiceNotPayable),
        ({"voided_at": NOW}, None, InvoiceNotPayable),
        ({}, 99_99, FeatureDisabled),
        ({"allow_partial": True, "min_partial": 20_00}, 19_99, FeatureDisabled),
        ({"allow_partial": True}, 49, AmountTooSmall),
        ({"allow_partial": True}, 0, AmountTooSmall),
        ({"total": 49}, None, AmountTooSmall),
    ],
)
def test_an_amount_that_cannot_be_collected_is_refused(
    fields: dict[str, Any], amount: int | None, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        examples.invoice(**fields).require_collectable(amount)


def test_the_last_part_may_be_below_the_least_part_payment() -> None:
    invoice = examples.invoice(settled=95_00, allow_partial=True, min_partial=20_00)

    assert invoice.require_collectable(None).amount == 5_00
    assert invoice.require_collectable(5_00).amount == 5_00


def test_what_an_open_attempt_may_bring_is_not_asked_for_twice() -> None:
    invoice = examples.invoice(allow_partial=True).claim_for(examples.attempt(amount=60_00))

    assert (invoice.reserved, invoice.collectable) == (60_00, 40_00)
    with pytest.raises(ExceedsOutstanding):
        invoice.require_collectable(40_01)
    assert invoice.require_collectable(None, beside=60_00).amount == 100_00


def test_a_claim_binds_the_invoice_to_the_attempts_account_and_mode() -> None:
    invoice = examples.invoice().claim_for(examples.attempt(account="acc_9", mode="live"))

    assert (invoice.account, invoice.mode) == ("acc_9", "live")
    assert invoice.follow(examples.attempt(status="failed")).account == "acc_9"


@pytest.mark.parametrize(
    ("status", "collection"),
    [
        ("created", "in_progress"),
        ("submitting", "in_progress"),
        ("unknown", "in_progress"),
        ("action_required", "action_required"),
        ("processing", "processing"),
        ("succeeded", "idle"),
        ("failed", "idle"),
        ("canceled", "idle"),
        ("expired", "idle"),
    ],
)
def test_the_invoice_shows_what_its_open_attempt_is_doing(
    status: AttemptStatus, collection: str
) -> None:
    followed = held().follow(examples.attempt(status=status))

    assert followed.collection == collection
    assert (followed.claim is None) is (collection == "idle")


def test_another_attempts_end_does_not_free_the_claim() -> None:
    invoice = held()

    assert invoice.follow(examples.attempt(id="att_2", status="failed")) is invoice


def test_an_attempt_that_goes_on_as_before_changes_nothing_on_its_invoice() -> None:
    invoice = held()

    assert invoice.follow(examples.attempt(status="submitting")) is invoice


def test_only_a_draft_is_finalized() -> None:
    assert examples.invoice(draft=True).finalize().status == "open"
    with pytest.raises(InvalidTransition):
        examples.invoice().finalize()


def test_an_invoice_is_voided_only_while_nothing_was_paid_and_nobody_holds_it() -> None:
    assert examples.invoice().void(NOW).status == "void"
    # Money that was given back may return.
    refunded = examples.invoice(settled=5_00, refunded=5_00)

    for invoice in (examples.invoice(settled=1), refunded, held(), examples.invoice(voided_at=NOW)):
        with pytest.raises(InvalidTransition):
            invoice.void(NOW)


def test_a_line_costs_its_quantity_times_its_unit_and_the_tax_that_was_given() -> None:
    line = Line(description="Tulips", quantity=3, unit_amount=2_50)

    assert line.amount == 7_50
    assert line.model_copy(update={"tax_rate": 19, "tax_amount": 1_43}).amount == 8_93
