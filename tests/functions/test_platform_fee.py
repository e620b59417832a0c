"""What the platform takes of a direct charge: asked for, shown, booked, and given back."""

import pytest

from tests.functions.platform import PLATFORM, configure, connected_shop
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, expect
from tests.functions.world import Died, Json, World

#: Of 40.00: 1.5 % and 20 cents.
FEE = 80
POLICY: Json = {"percent": "1.5", "amounts": [{"currency": "eur", "fixed": 20}]}


@pytest.fixture
def shop(world: World) -> Shop:
    """Give a merchant who was connected by onboarding, and a module that takes a fee."""
    configure(world)
    made = connected_shop(world)
    take(made, POLICY)
    return made


def take(shop: Shop, policy: Json) -> None:
    path = f"/v1/payment-modules/{shop.module['id']}"
    version = expect(200, shop.admin.get(path))["version"]
    expect(
        200,
        shop.admin.send(
            "PATCH", path, {"fee_policy": policy}, headers={"if-match": f'"{version}"'}
        ),
    )


def payments(shop: Shop, invoice: Json) -> list[Json]:
    return list(expect(200, shop.admin.get("/v1/payments", invoice=invoice["id"]))["data"])


def accounts(shop: Shop) -> dict[str, int]:
    """What stands in each account of the journal, and that it is balanced."""
    found: dict[str, int] = {}
    for entry in expect(200, shop.admin.get("/v1/ledger/entries", limit=100))["data"]:
        for posting in entry["postings"]:
            name = posting["account"].partition(":acc")[0]
            found[name] = found.get(name, 0) + posting["amount"]
    assert sum(found.values()) == 0
    return found


def stripes_books(shop: Shop) -> int:
    """What Stripe has of the merchant's, the sum of its balance transactions."""
    return sum(entry["net"] for entry in shop.world.truth(shop.account)["balance_transactions"])


def paid(shop: Shop, way: str = "charge") -> Json:
    invoice = shop.invoice()
    if way == "charge":
        shop.save_card()
        expect(201, shop.charge(invoice))
    else:
        shop.pay(invoice)
    shop.world.deliver()
    (payment,) = payments(shop, invoice)
    return payment


@pytest.mark.parametrize("way", ["charge", "link"])
def test_each_payment_of_a_connected_account_brings_the_platform_its_fee(
    shop: Shop, way: str
) -> None:
    payment = paid(shop, way)

    parts = {part["type"]: part["amount"] for part in payment["fee"]["fee_details"]}
    assert parts["application_fee"] == FEE
    assert payment["fee"]["amount"] == sum(parts.values())
    assert payment["fee"]["net"] == 4000 - payment["fee"]["amount"]
    (charge,) = shop.world.truth(shop.account)["charges"]
    assert charge["application_fee_amount"] == FEE
    booked = accounts(shop)
    assert (booked["fees:platform"], booked["fees:stripe"]) == (FEE, parts["stripe_fee"])
    assert booked["stripe_balance"] == stripes_books(shop)


@pytest.mark.parametrize(
    ("asked", "kept"),
    [({}, 40), ({"refund_platform_fee": "none"}, FEE)],
    ids=["by default", "none"],
)
def test_half_a_refund_brings_half_of_the_fee_back_unless_it_is_to_stay(
    shop: Shop, asked: Json, kept: int
) -> None:
    payment = paid(shop)

    expect(201, shop.admin.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 2000, **asked}))
    for _ in range(2):
        shop.world.deliver()

    booked = accounts(shop)
    assert booked["fees:platform"] == kept
    assert booked["stripe_balance"] == stripes_books(shop)


def test_two_refunds_bring_all_of_the_fee_back_and_it_is_entered_once(shop: Shop) -> None:
    payment = paid(shop)
    path = f"/v1/payments/{payment['id']}/refunds"

    part_in_full = refuse(
        shop.world, lambda: shop.admin.post(path, {"amount": 1, "refund_platform_fee": "full"})
    )
    expect(201, shop.admin.post(path, {"amount": 1333}))
    expect(201, shop.admin.post(path, {"refund_platform_fee": "full"}))
    for _ in range(3):
        shop.world.deliver()

    assert part_in_full == (422, "validation_failed")
    booked = accounts(shop)
    assert booked.get("fees:platform", 0) == 0
    assert booked["stripe_balance"] == stripes_books(shop)


def test_a_fee_that_came_back_unheard_is_found_and_booked(shop: Shop) -> None:
    """The refund is booked, and its function dies before the fee is."""
    dry, payment = paid(shop), paid(shop)
    shop.world.control("webhooks", mode="drop")
    path = "/v1/payments/{}/refunds"
    shop.world.gate.arm(None)
    expect(201, shop.admin.post(path.format(dry["id"]), {"amount": 1000}))
    last = [n for n, name in enumerate(shop.world.gate.passed) if name == "transact_write_items"]
    shop.world.gate.arm(last[-1], "before")
    with pytest.raises(Died):
        shop.admin.post(path.format(payment["id"]), {"amount": 1000})
    shop.world.gate.arm(None)
    assert accounts(shop)["fees:platform"] == 2 * FEE - FEE // 4

    report = run(shop, "report")
    healed = run(shop, "heal")

    # Seen with the payment and with its refund; whichever comes first heals it.
    assert (report["breaks"], healed["healed"]) == ({"missing_fee": 2}, 1)
    booked = accounts(shop)
    assert booked["fees:platform"] == 2 * FEE - 2 * (FEE // 4)
    assert booked["stripe_balance"] == stripes_books(shop)
    assert run(shop, "heal")["healed"] == 0


def test_a_fee_that_the_platform_gives_back_without_a_refund_is_found_and_booked(
    shop: Shop,
) -> None:
    """In Stripe's Dashboard, where nobody tells a merchant's own endpoint of it."""
    paid(shop)
    (charge,) = shop.world.truth(shop.account)["charges"]
    path = f"/v1/application_fees/{charge['application_fee']}/refunds"
    shop.world.at_stripe("POST", path, tenant=PLATFORM, amount="30")
    shop.world.deliver()
    assert accounts(shop)["stripe_balance"] == stripes_books(shop) - 30

    report, healed = run(shop, "report"), run(shop, "heal")

    assert (report["breaks"], healed["healed"]) == ({"missing_fee": 1}, 1)
    booked = accounts(shop)
    assert booked["fees:platform"] == FEE - 30
    assert booked["stripe_balance"] == stripes_books(shop)
    assert run(shop, "heal")["matched"] == 1


def run(shop: Shop, mode: str) -> Json:
    """What a reconciliation found."""
    asked = {"account": shop.account["id"], "mode": mode}
    made = expect(202, shop.admin.post("/v1/reconciliation/runs", asked))
    for _ in range(5):
        records = list(shop.world.messages("reconciliations"))
        assert not records or shop.world.work("reconcile_account", *records) == []
    return expect(200, shop.admin.get(f"/v1/reconciliation/runs/{made['id']}"))


def test_an_account_with_keys_of_its_own_pays_the_platform_nothing(world: World) -> None:
    shop = Shop.open(world, "tulips")
    take(shop, POLICY)

    payment = paid(shop)

    assert [part["type"] for part in payment["fee"]["fee_details"]] == ["stripe_fee"]
    assert "fees:platform" not in accounts(shop)
    expect(201, shop.admin.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 1000}))


@pytest.mark.parametrize(
    ("policy", "fee"),
    [
        ({"percent": 0}, None),
        ({"percent": "0.0125"}, 1),
        ({"percent": "50", "amounts": [{"currency": "eur", "cap": 250}]}, 250),
        ({"amounts": [{"currency": "eur", "fixed": 9000}]}, 4000),
        ({"amounts": [{"currency": "usd", "fixed": 20}]}, None),
        ({"amounts": [{"currency": "eur", "fixed": 20, "cap": 0}]}, None),
    ],
)
def test_a_fee_is_a_percentage_and_a_fixed_part_up_to_its_cap_and_the_amount(
    shop: Shop, policy: Json, fee: int | None
) -> None:
    take(shop, policy)
    invoice = shop.invoice()

    shop.session(invoice)

    rows = [row for key, row in shop.world.rows().items() if key[1].startswith("ATTEMPT#")]
    (found,) = [row.get("application_fee", {}).get("N") for row in rows]
    assert found == (None if fee is None else str(fee))
