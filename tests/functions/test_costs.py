"""What DynamoDB is asked for over the life of an invoice that is paid by link."""

from math import ceil
from typing import Any

import pytest

from payments.edge import runtime
from payments.facts.settings import Settings
from tests.functions.shop import Shop, expect
from tests.functions.world import Guarded, Json, World

#: The attributes that an index shows; a write to them is a write to the index.
INDEXES = {
    "list": (
        "list_key",
        "list_sort",
        "status",
        "customer",
        "order_ref",
        "number",
        "due",
        "paid_at",
    ),
    "due": ("due_shard", "due_at"),
}


class Meter:
    """Counts requests and write units as DynamoDB bills them, in front of the double."""

    def __init__(self, dynamo: Any) -> None:
        self._dynamo = dynamo
        self.requests: list[str] = []
        self.units = 0
        self.rows = dynamo.rows

    def __getattr__(self, name: str) -> Any:
        send = getattr(self._dynamo, name)

        def ask(**asked: Any) -> Any:
            self.requests.append(name)
            puts = [asked] if name == "put_item" else []
            puts += [entry["Put"] for entry in asked.get("TransactItems", ())]
            self.units += sum(self._units(put["Item"], len(puts)) for put in puts)
            return send(**asked)

        return ask

    def read(self) -> tuple[int, int]:
        return len(self.requests), self.units

    def _units(self, item: Json, together: int) -> int:
        """One for each kilobyte, twice in a transaction, and what its indexes cost beside."""
        old = self.rows.get((item["pk"]["S"], item["sk"]["S"]), {})
        size = ceil(sum(len(name) + size_of(value) for name, value in item.items()) / 1024)
        indexes = 0
        for names in INDEXES.values():
            before, after = ([row.get(name) for name in names] for row in (old, item))
            if before != after:
                # An entry whose key changes is taken out and put in anew.
                moved = before[:2] != after[:2]
                indexes += sum(bool(entry[0]) for entry in ((before, after) if moved else (after,)))
        return size * (2 if together > 1 else 1) + indexes


def size_of(value: Json) -> int:
    """Bytes of a value as DynamoDB counts them, near enough: containers have three of their own."""
    ((kind, held),) = value.items()
    if kind == "L":
        return 3 + sum(map(size_of, held))
    if kind == "M":
        return 3 + sum(len(name) + size_of(each) for name, each in held.items())
    return 1 if kind in {"BOOL", "NULL"} else len(held.encode())


def metered(world: World, monkeypatch: pytest.MonkeyPatch) -> Meter:
    """Count from now on."""
    meter = Meter(world.dynamo)
    monkeypatch.setattr(runtime.table(), "_client", Guarded(meter, world.gate))
    return meter


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop.open(world, "tulips")


#: (requests, write units) up to each step; docs/costs.md says what for. A step up is a decision.
#: Who has to be told of the money is a row of the same transaction: 3 units and no request.
MOST = {"invoice": (6, 11), "link": (14, 18), "press": (23, 31), "paid": (37, 57), "fee": (43, 66)}


def test_an_invoice_that_is_paid_by_link_costs_no_more_than_this(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.pay(shop.invoice())
    shop.world.deliver()
    meter = metered(shop.world, monkeypatch)
    spent = {}

    invoice = shop.invoice()
    spent["invoice"] = meter.read()
    path = shop.link(invoice)
    spent["link"] = meter.read()
    url = shop.press_pay(path)
    spent["press"] = meter.read()
    shop.world.press(url)
    shop.world.deliver_now()
    spent["paid"] = meter.read()
    shop.world.deliver_fees()
    spent["fee"] = meter.read()

    assert shop.read(invoice)["status"] == "paid"
    assert spent == MOST


#: To tell buyer, seller and other systems of a payment, each once: a claim for each mail.
MOST_TOLD = (11, 11)


def test_to_tell_of_a_payment_costs_no_more_than_this(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.store().save(Settings(tenant="tulips", seller_email="seller@shop.example"))
    shop.pay(shop.invoice())
    shop.world.deliver()
    shop.world.notify()
    shop.pay(shop.invoice())
    shop.world.deliver()
    meter = metered(shop.world, monkeypatch)

    shop.world.notify()

    assert len(shop.world.post.sent) == 4
    assert meter.read() == MOST_TOLD


def test_a_look_at_the_payers_page_is_three_reads(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shop.link(shop.invoice())
    meter = metered(shop.world, monkeypatch)

    assert shop.world.public.get(path).status == 200
    assert meter.requests == ["get_item", "batch_get_item", "query"]


def test_a_charge_of_a_saved_card_costs_no_more_than_this(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.save_card()
    expect(201, shop.charge(shop.invoice()))
    invoice = shop.invoice()
    meter = metered(shop.world, monkeypatch)

    expect(201, shop.charge(invoice))
    assert meter.read() == (17, 35)


def test_a_storefronts_own_payment_page_costs_no_more_than_this(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/v1/invoices/{shop.invoice()['id']}/payment-intents"
    expect(201, shop.storefront.post(f"/v1/invoices/{shop.invoice()['id']}/payment-intents", {}))
    meter = metered(shop.world, monkeypatch)

    expect(201, shop.storefront.post(path, {}))
    assert meter.read() == (14, 16)


def test_a_refund_costs_no_more_than_this(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.pay(shop.invoice())
    shop.world.deliver()
    (payment,) = (row for (_, sk), row in shop.world.rows().items() if sk.startswith("PAYMENT#"))
    meter = metered(shop.world, monkeypatch)

    expect(201, shop.operator.post(f"/v1/payments/{payment['id']['S']}/refunds", {"amount": 100}))
    asked = meter.read()
    shop.world.deliver()

    assert asked == (17, 32)
    assert meter.read() == (29, 40)
