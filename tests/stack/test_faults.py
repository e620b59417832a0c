"""What Stripe or the network does to a request: the answer is honest, and the sweep finds out."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.stack.client import Client
from local.stack.stack import Stack
from tests.stack.shop import Shop, control, eventually, new_key, required

CONFIRM = {"method": "POST", "path": "/v1/payment_intents/*/confirm"}
SESSION = {"method": "POST", "path": "/v1/checkout/sessions"}


@pytest.fixture(autouse=True)
def silence(stack: Stack, deliver: Callable[[str], None]) -> Iterator[None]:
    """Lose every webhook, so that what heals is the sweep."""
    deliver("drop")
    yield
    assert Client(stack.stripe).delete("/_control/faults").status == 200


@pytest.fixture
def customer(shop: Shop, deliver: Callable[[str], None]) -> str:
    """Give a customer with a saved card."""
    deliver("deliver")
    ref = shop.customer()
    shop.save_card(ref)
    deliver("drop")
    return ref


@pytest.mark.parametrize(
    ("faults", "status", "said", "collected"),
    [
        (["timeout_applied"], 201, "succeeded", 1),
        (["timeout_lost"], 201, "succeeded", 1),
        (["409"], 201, "succeeded", 1),
        (["slow"], 201, "succeeded", 1),
        (["timeout_applied", "timeout_lost"], 202, "unknown", 1),
        (["timeout_lost", "timeout_lost"], 202, "unknown", 0),
        (["500_applied", "500_applied"], 202, "unknown", 1),
        (["429"], 202, "unknown", 0),
        (["timeout_applied", "429"], 202, "unknown", 1),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else str(value),
)
def test_a_fault_while_confirming_is_answered_honestly_and_swept_to_one_charge_or_none(  # noqa: PLR0917 - a table's columns
    shop: Shop, customer: str, faults: list[str], status: int, said: str, collected: int
) -> None:
    invoice = shop.invoice(customer)
    inject(shop.stack, CONFIRM, *faults)

    answer = shop.charge(invoice)

    assert (answer.status, answer.json["attempt"]["status"]) == (status, said)
    if status != 201:
        assert int(answer.headers["retry-after"]) > 0
        assert shop.charge(invoice).json["code"] == "payment_in_progress"
        sweep(shop, invoice)
    seen = shop.read(invoice)
    assert len(shop.charges(invoice)) == len(seen["payments"]) == collected
    assert seen["facets"]["collection"] == "idle"
    assert seen["amounts"]["collectable"] == 4000 * (1 - collected)
    if not collected:
        assert shop.charge(invoice).status == 201
        assert len(shop.charges(invoice)) == 1


def test_a_repeat_with_the_same_key_goes_on_where_an_unanswered_charge_stopped(
    shop: Shop, customer: str
) -> None:
    applied, limited = shop.invoice(customer), shop.invoice(customer)
    keys = {applied: new_key(), limited: new_key()}
    inject(shop.stack, CONFIRM, "timeout_applied", "timeout_lost")
    unknown = shop.charge(applied, key=keys[applied])
    inject(shop.stack, CONFIRM, "429")
    refused = shop.charge(limited, key=keys[limited])

    again = {invoice: shop.charge(invoice, key=key) for invoice, key in keys.items()}

    assert (unknown.status, refused.status) == (202, 202)
    for invoice, answer in again.items():
        assert (answer.status, answer.json["attempt"]["status"]) == (201, "succeeded")
        assert len(shop.charges(invoice)) == len(shop.read(invoice)["payments"]) == 1


def test_a_page_whose_creation_was_never_answered_is_closed_by_the_sweep(
    shop: Shop,
) -> None:
    invoice = shop.invoice(shop.customer())
    link = shop.link(invoice)
    inject(shop.stack, SESSION, "timeout_applied", "timeout_lost")

    pressed = shop.press_pay(link)

    assert pressed.status == 409
    sweep(shop, invoice)
    (attempt,) = shop.read(invoice)["attempts"]
    assert (attempt["status"], shop.read(invoice)["facets"]["collection"]) == ("expired", "idle")
    shop.pay_at(shop.open_checkout(link))
    sweep(shop, invoice)
    assert shop.read(invoice)["status"] == "paid"


def test_after_all_faults_the_books_lack_only_fees_told_by_lost_webhooks_which_a_run_heals(
    shop: Shop,
) -> None:
    before, healing, after = (reconciled(shop, mode) for mode in ("report", "heal", "report"))

    fees = before["breaks"].get("missing_fee", 0)
    assert before["breaks"] == ({"missing_fee": fees} if fees else {})
    assert before["checked"] == before["matched"] + fees > 0
    assert (healing["healed"], healing["breaks"], healing["residual"]) == (fees, {}, 0)
    assert after["checked"] == after["matched"] == before["checked"]
    assert (after["healed"], after["breaks"], after["residual"]) == (0, {}, 0)


def reconciled(shop: Shop, mode: str) -> Any:
    """Have a run look at the shop's account, and return it once it is done."""
    body = {"account": shop.account, "mode": mode}
    asked = shop.client().post("/v1/reconciliation/runs", body, idempotency_key=new_key())
    path = f"/v1/reconciliation/runs/{required(asked, 202)['id']}"
    return eventually(
        lambda: required(shop.client().get(path), 200), lambda seen: seen["status"] == "done"
    )


def inject(stack: Stack, request: dict[str, str], *kinds: str) -> None:
    """Have the next requests of one kind fail; the SDK sends each again once, with its key."""
    for kind in kinds:
        control(stack, "faults", {**request, "kind": kind, "delay_s": 0.5})


def sweep(shop: Shop, invoice: str) -> None:
    """Make what is open of an invoice due at once, and have the schedule's target look at it."""
    stack = shop.stack
    table, rows = stack.deployment.resources["Table"], stack.aws("dynamodb")
    pk = {"S": f"T#{shop.tenant}#INV#{invoice}"}
    for attempt in shop.read(invoice)["attempts"]:
        if attempt["status"] not in {"succeeded", "failed", "canceled", "expired"}:
            rows.update_item(
                TableName=table,
                Key={"pk": pk, "sk": {"S": f"ATTEMPT#{attempt['id']}"}},
                UpdateExpression="SET due_at = :past, sweep_at = :past",
                ExpressionAttributeValues={":past": {"S": "2020-01-01T00:00:00Z"}},
            )
    stack.run_schedule("SweepAttemptsSchedule")
    eventually(lambda: shop.read(invoice)["facets"]["collection"], lambda facet: facet == "idle")
