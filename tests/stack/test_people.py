"""Administrators are audited, customers are forgotten, and cards taken away, through HTTP."""

import json
from concurrent.futures import ThreadPoolExecutor

from local.stack.client import Client
from local.stack.stack import Stack, stripe_keys
from tests.stack.shop import Shop, eventually, new_key, required, table_rows

#: As many as the emulated Lambda takes of one function.
MANY, AT_ONCE = 50, 8
PERSON = {"name": "Canary Nightingale", "email": "canary.nightingale@example.com"}


def test_many_acts_at_once_leave_a_whole_trail(shop: Shop) -> None:
    admin, before = shop.client("admin"), trail(shop)
    paths = [f"/v1/profiles/p-{number}/modules/{shop.module}" for number in range(MANY)]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda path: admin.put(path).status, paths))
    refused = shop.client("viewer").put(paths[0])

    after = trail(shop)
    assert answers == [200] * MANY
    assert (refused.status, refused.json["code"]) == (403, "permission_denied")
    assert after["trail"]["intact"]
    assert after["trail"]["records"] == before["trail"]["records"] + 2 * MANY + 1
    newest = eventually(
        lambda: required(admin.get("/v1/audit?object=p-0&limit=10"), 200)["data"],
        lambda found: len(found) == 3,
    )
    assert {(each["phase"], each["actor"]) for each in newest} == {
        ("intent", f"admin@{shop.tenant}"),
        ("outcome", f"admin@{shop.tenant}"),
        ("refusal", f"viewer@{shop.tenant}"),
    }


def test_a_record_that_somebody_drops_is_missed(stack: Stack, other: Shop) -> None:
    assert trail(other)["trail"]["intact"]
    rows = [row for row in table_rows(stack) if f"T#{other.tenant}#AUD#" in row["pk"]["S"]]
    record = next(row for row in rows if row["sk"]["S"].startswith("RECORD#"))
    where = {"TableName": stack.deployment.resources["Table"]}
    key = {"pk": record["pk"], "sk": record["sk"]}

    stack.aws("dynamodb").delete_item(**where, Key=key)
    broken = trail(other)["trail"]
    stack.aws("dynamodb").put_item(**where, Item=record)

    place = {"chain": int(record["chain"]["N"]), "number": int(record["number"]["N"])}
    assert (broken["intact"], broken["breaks"]) == (False, [place])
    assert trail(other)["trail"]["intact"]


def test_a_card_is_taken_away_here_and_at_stripe(shop: Shop) -> None:
    customer = shop.customer()
    first, second = shop.save_card(customer), shop.save_card(customer, "pm_card_mastercard")
    path = f"/v1/customers/{customer}/payment-methods"

    default = required(shop.client().post(f"{path}/{second}/default"), 200)
    gone = required(shop.client().delete(f"{path}/{second}"), 200)
    refused = shop.charge(shop.invoice(customer), payment_method=second)
    charged = shop.charge(shop.invoice(customer))

    assert (default["default"], gone["status"]) == (True, "detached")
    assert [card["id"] for card in shop.cards(customer)] == [first]
    assert (refused.status, refused.json["code"]) == (404, "not_found")
    assert charged.status == 201


def test_a_card_that_the_merchant_detaches_at_stripe_is_gone_here(stack: Stack, shop: Shop) -> None:
    customer = shop.customer()
    first, second = shop.save_card(customer), shop.save_card(customer, "pm_card_mastercard")
    stripe = Client(stack.stripe, stripe_keys(shop.tenant)["secret_key"])

    required(stripe.post(f"/v1/payment_methods/{first}/detach", None), 200)

    # Which is the default stands with the customer, whose row may be read just before the cards'.
    eventually(
        lambda: [(card["id"], card["default"]) for card in shop.cards(customer)],
        lambda left: left == [(second, True)],
    )


def test_a_customer_is_exported_and_then_in_no_row_any_more(stack: Stack, shop: Shop) -> None:
    customer = shop.customer()
    path, admin = f"/v1/customers/{customer}", shop.client("admin")
    required(shop.client().put(path, PERSON | {"online_payment_enabled": True}), 200)
    lines = [{"description": "Canary-Line", "quantity": 1, "unit_amount": 4000}]
    invoice = shop.invoice(customer, total=None, lines=lines)
    shop.payment(invoice)
    shop.save_card(customer)
    told = json.dumps(required(admin.get(f"{path}/data-export"), 200))
    before = shop.read(invoice)["amounts"]

    erased = required(admin.post(f"{path}/erase"), 200)

    assert all(word in told for word in (*PERSON.values(), "Canary-Line"))
    assert erased["left"] == []
    rows = json.dumps(table_rows(stack))
    assert not [word for word in (*PERSON.values(), "Canary-Line") if word in rows]
    assert shop.read(invoice)["amounts"] == before
    balance = required(shop.client("viewer").get("/v1/ledger/trial-balance"), 200)
    assert balance["balanced"]
    again = shop.client().put(path, PERSON)
    assert (again.status, again.json["code"]) == (409, "customer_erased")
    order = {"number": new_key(), "customer": customer, "currency": "eur", "total": 1}
    late = shop.client("storefront").post("/v1/invoices", order, idempotency_key=new_key())
    assert (late.status, late.json["code"]) == (409, "customer_erased")


def trail(shop: Shop) -> dict[str, dict[str, object]]:
    """Return the newest page of the trail, with what came of verifying it."""
    found: dict[str, dict[str, object]] = required(shop.client("admin").get("/v1/audit"), 200)
    return found
