"""What the tests of refunds ask for, and how they see that the books agree."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.books import sweep
from tests.functions.shop import Shop, expect
from tests.functions.signing import a_body, deliver
from tests.functions.world import Answer, Json, World

CREATE = "/v1/refunds"


def paid(shop: Shop, card: str = "visa", **changes: Any) -> Json:
    """The payment of a new invoice over 40.00, as the API shows it."""
    invoice = shop.invoice(**changes)
    shop.pay(invoice, card)
    assert shop.world.deliver() == []
    return payment_of(shop, invoice)


def payment_of(shop: Shop, invoice: Json) -> Json:
    (payment,) = expect(200, shop.operator.get("/v1/payments", invoice=invoice["id"]))["data"]
    return dict(payment)


def ask(shop: Shop, payment: Json, *, key: str = "", **asked: Any) -> Answer:
    return shop.operator.post(f"/v1/payments/{payment['id']}/refunds", asked, key=key)


def again(shop: Shop, payment: Json) -> Json:
    """The payment as it is now."""
    return expect(200, shop.operator.get(f"/v1/payments/{payment['id']}"))


def invoice_of(shop: Shop, payment: Json) -> Json:
    return shop.read({"id": payment["invoice"]})


def amounts(shop: Shop, payment: Json) -> dict[str, int]:
    """What of its invoice has been given back, is credited, and is owed again."""
    seen = invoice_of(shop, payment)["amounts"]
    names = ("paid", "refunded", "refund_pending", "credited", "outstanding")
    return {name: seen[name] for name in names if seen[name]}


def settle_refunds(shop: Shop) -> None:
    """Let time pass and the sweep run until no refund is open."""
    for hours in (0, 0, 1, 24, 24):
        shop.world.advance(hours=hours, minutes=5)
        sweep(shop)
        refunds = expect(200, shop.operator.get("/v1/refunds", limit=100))["data"]
        if not {"requested", "submitted"} & {refund["status"] for refund in refunds}:
            return
    raise AssertionError(shop.world.log.getvalue()[-3000:])


def at_stripe(shop: Shop) -> dict[str, int]:
    """What Stripe really gave back."""
    refunds = shop.world.truth(shop.account)["refunds"]
    return {each["id"]: each["amount"] for each in refunds if each["status"] == "succeeded"}


def rows(world: World, kind: str) -> list[Json]:
    return [row for (_, sk), row in world.rows().items() if sk.startswith(f"{kind}#")]


def assert_refunds_agree(shop: Shop) -> None:
    """What Stripe gave back is booked once; all that is reserved, given and credited adds up."""
    refunds, payments = rows(shop.world, "REFUND"), rows(shop.world, "PAYMENT")
    given = [row for row in refunds if row["status"]["S"] == "succeeded"]
    under_way = {"requested", "submitted", "pending", "requires_action"}
    waiting = [row for row in refunds if row["status"]["S"] in under_way]
    assert {row["stripe_refund"]["S"]: number(row, "amount") for row in given} == at_stripe(shop)
    assert total(payments, "refunded") == total(given, "amount")
    assert total(payments, "refund_pending") == total(waiting, "amount")
    invoices = [row for (_, sk), row in shop.world.rows().items() if sk == "INVOICE"]
    assert total(invoices, "refunded") == total(given, "amount") - total(given, "unapplied")
    assert total(invoices, "refund_pending") == total(waiting, "amount") - total(
        waiting, "unapplied"
    )
    for row in payments:
        parts = sum(int(part["M"]["amount"]["N"]) for part in row["allocations"]["L"])
        assert parts + number(row, "unapplied") + number(row, "returned") == number(row, "gross")
        assert number(row, "refunded") + number(row, "refund_pending") <= number(row, "gross")
    credit = [row for (_, sk), row in shop.world.rows().items() if sk.startswith("CREDIT#")]
    assert total(credit, "balance") == total(payments, "unapplied")
    assert_journal_agrees(shop, total(payments, "gross") - total(given, "amount"))


def ledger(shop: Shop) -> Counter[str]:
    """The balance of every account of the journal."""
    sums: Counter[str] = Counter()
    for row in rows(shop.world, "JOURNAL"):
        for posting in row["postings"]["L"]:
            sums[posting["M"]["account"]["S"]] += int(posting["M"]["amount"]["N"])
    return sums


def assert_journal_agrees(shop: Shop, at_stripe: int) -> None:
    sums = ledger(shop)
    assert sum(sums.values()) == 0
    name = f"stripe_balance:{shop.account['id']}:test"
    assert sums[name] == at_stripe - sums["fees:stripe"]
    assert_invoices_are_the_debt(shop)


def assert_invoices_are_the_debt(shop: Shop) -> None:
    """What customers owe, and what was credited, is the same in the journal and on invoices."""
    sums = ledger(shop)
    invoices = [row for (_, sk), row in shop.world.rows().items() if sk == "INVOICE"]
    given_up = [row for row in invoices if "voided_at" in row or "written_off_at" in row]
    owed = sum(
        number(row, "total") - number(row, "credited") - number(row, "settled")
        + number(row, "refunded")
        for row in invoices
        if row not in given_up
    )  # fmt: skip
    assert sum(sums[name] for name in list(sums) if name.startswith("ar:")) == owed
    assert sums["refunds"] == total(invoices, "credited")


def number(row: Json, name: str) -> int:
    return int(row[name]["N"])


def total(found: list[Json], name: str) -> int:
    return sum(number(row, name) for row in found)


def pay_several(shop: Shop, *parts: int) -> Json:
    """The payment of several invoices over 40.00 at once by a saved card."""
    shop.save_card()
    named = [{"invoice": shop.invoice()["id"], "amount": amount} for amount in parts]
    charged = shop.operator.post("/v1/charges", {"customer": "c-1", "allocations": named})
    return again(shop, expect(201, charged)["payment"])


def paid_after_void(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Json:
    """A payment for an invoice that is void: all of it is the customer's credit."""
    invoice = shop.invoice()
    url = shop.session(invoice)
    with monkeypatch.context() as patch:
        patch.setattr(
            "payments.cases.invoices.invoicing.free_claim",
            lambda found, **_: found.having(claim=None),
        )
        expect(200, shop.operator.post(f"/v1/invoices/{invoice['id']}/void"))
    shop.world.press(url)
    assert shop.world.deliver() == []
    return payment_of(shop, invoice)


def credit(world: World) -> int:
    return total([row for (_, sk), row in world.rows().items() if sk.startswith("CREDIT#")],
                 "balance")  # fmt: skip


def pay_in_cash(shop: Shop, amount: int) -> Json:
    """Cash for an invoice over 40.00; what is more is the customer's credit."""
    invoice, body = shop.invoice(), {"amount": amount, "method": "cash"}
    expect(201, shop.operator.post(f"/v1/invoices/{invoice['id']}/offline-payments", body))
    return payment_of(shop, invoice)


def meanwhile(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, step: int, work: Callable[[], object]
) -> None:
    """Let something else happen just before the request's next I/O of that number."""
    gate, through = shop.world.gate, shop.world.gate.through
    left = [step]

    def passing(name: str, send: Callable[[], Any]) -> Any:
        left[0] -= 1
        if left[0] == -1:
            work()
        return through(name, send)

    monkeypatch.setattr(gate, "through", passing)


def charge_of(payment: Json) -> str:
    return str(payment["note"]["charge"])


def tell(shop: Shop, kind: str, about: str) -> Json:
    """Let Stripe say `kind` about an object; return the kept event."""
    assert deliver(shop, a_body(type=kind, data={"object": {"id": about}})).status == 200
    assert shop.world.work("apply_event", *shop.world.messages("events")) == []
    return [row for (_, sk), row in shop.world.rows().items() if sk == "EVENT"][-1]
