"""The main job, each part as its callers see it, and the books of both tenants at the end."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from local.demo.compare_books import compare_books
from local.stack.client import Client
from local.stack.stack import Stack, stripe_keys
from tests.stack.shop import Shop, connect, control, eventually, new_key, required, table_rows


@pytest.mark.claim("CR-1")
@pytest.mark.claim("CR-3")
@pytest.mark.claim("IC-1")
def test_only_an_admin_connects_an_account_and_it_is_active_once_stripe_takes_its_keys(
    stack: Stack, tenant: str
) -> None:
    for role in ("operator", "viewer", "storefront"):
        refused = stack.client(tenant, role).post("/v1/accounts", {}, idempotency_key=new_key())
        assert (refused.status, refused.json["code"]) == (403, "permission_denied")
    revoked = stripe_keys(f"{tenant}old")
    control(stack, "keys", {"key": revoked["secret_key"], "revoked": True})

    good = required(connect(stack, tenant), 201)
    bad = required(connect(stack, tenant, name="Old", **revoked), 201)

    assert (good["status"], good["status_reason"]) == ("active", None)
    assert all(check["ok"] for check in good["checks"])
    assert (bad["status"], bad["status_reason"]) == ("error", "Stripe refuses the secret key.")
    listed = required(stack.client(tenant, "viewer").get("/v1/accounts"), 200)["data"]
    assert [(entry["name"], entry["status"]) for entry in listed] == [
        ("Old", "error"),
        ("Main", "active"),
    ]


@pytest.mark.claim("CR-2")
def test_both_keys_are_kept_in_secrets_manager_only_and_must_fit_together(
    stack: Stack, tenant: str
) -> None:
    keys, stranger = stripe_keys(tenant), stripe_keys(f"{tenant}other")

    account = required(connect(stack, tenant), 201)
    mixed = connect(stack, tenant, name="B", publishable_key=stranger["publishable_key"])
    live = connect(stack, tenant, name="C", mode="live")

    assert (mixed.status, mixed.json["code"]) == (422, "keys_not_same_account")
    assert (live.status, live.json["code"]) == (422, "key_mode_mismatch")
    viewer = stack.client(tenant, "admin")
    listed = viewer.get("/v1/accounts")
    assert [entry["id"] for entry in listed.json["data"]] == [account["id"]]
    again = viewer.get(f"/v1/accounts/{account['id']}")
    assert not any(keys["secret_key"] in text for text in (listed.text, again.text, str(account)))
    kept = stack.aws("secretsmanager").get_secret_value(
        SecretId=f"receivable/local/keys/{tenant}/{account['id']}/test"
    )["SecretString"]
    assert keys["secret_key"] in kept
    assert keys["publishable_key"] in kept
    rows = str(table_rows(stack))
    assert account["id"] in rows
    assert keys["secret_key"] not in rows


@pytest.mark.claim("OH-2")
def test_an_account_keeps_its_name_and_no_other_of_the_tenant_may_have_it(
    stack: Stack, shop: Shop, tenant: str
) -> None:
    named = required(connect(stack, tenant, name="Flower shop"), 201)
    second = stripe_keys(f"{tenant}second")

    again = connect(stack, tenant, name="Flower shop", **second)
    elsewhere = required(connect(stack, tenant, name="Main", **second), 201)

    assert named["name"] == "Flower shop"
    assert (again.status, again.json["code"]) == (409, "name_taken")
    own = required(shop.client("admin").get(f"/v1/accounts/{shop.account}"), 200)
    assert elsewhere["name"] == own["name"] == "Main"


def test_an_invoice_asked_for_twice_with_one_key_is_created_once(shop: Shop) -> None:
    storefront, key = shop.client("storefront"), new_key()
    body = {
        "number": f"2026-{key[:8]}",
        "module": shop.module,
        "customer": shop.customer(),
        "currency": "eur",
        "lines": [{"description": "Tulips", "quantity": 2, "unit_amount": 2000}],
    }

    first = storefront.post("/v1/invoices", body, idempotency_key=key)
    again = storefront.post("/v1/invoices", body, idempotency_key=key)
    changed = storefront.post("/v1/invoices", body | {"due": "2030-01-01"}, idempotency_key=key)
    taken = storefront.post("/v1/invoices", body, idempotency_key=new_key())

    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (changed.status, changed.json["code"]) == (409, "idempotency_key_reused")
    assert (taken.status, taken.json["code"]) == (409, "number_taken")
    found = required(storefront.get(f"/v1/invoices?number={body['number']}"), 200)["data"]
    assert [entry["id"] for entry in found] == [first.json["id"]]


@pytest.mark.claim("CR-8")
@pytest.mark.claim("OH-10")
@pytest.mark.claim("KO-2")
@pytest.mark.claim("KO-3")
def test_the_webhook_alone_marks_an_invoice_paid_with_a_note_when_the_payer_never_comes_back(
    stack: Stack, shop: Shop, deliver: Callable[[str], None]
) -> None:
    invoice = shop.invoice(shop.customer())
    link = shop.link(invoice, message="Thank you")
    page = Client(stack.api).get(link)
    assert (page.status, "40.00" in page.text) == (200, True)
    assert shop.read(invoice)["attempts"] == []
    deliver("hold")

    paid = shop.pay_at(shop.open_checkout(link))

    assert paid.status == 303
    assert shop.read(invoice)["status"] == "open"
    deliver("deliver")
    settled = shop.settled(invoice)
    shop.priced(invoice)
    (payment,), (charge,) = shop.read(invoice)["payments"], shop.charges(invoice)
    (attempt,) = settled["attempts"]
    assert (attempt["channel"], attempt["status"]) == ("link", "succeeded")
    fees = {entry["id"]: entry["fee"] for entry in shop.truth()["balance_transactions"]}
    card = charge["payment_method_details"]["card"]
    assert payment["note"] == {
        "payment_intent": charge["payment_intent"],
        "charge": charge["id"],
        "brand": "visa",
        "last4": "4242",
        "authorization_code": card["authorization_code"],
        "amount": 4000,
        "fee": fees[charge["balance_transaction"]],
        "paid_at": payment["paid_at"],
        "receipt_url": charge["receipt_url"],
        "reference": None,
    }
    # The fee is entered once: with the payment where Stripe's books had it by then, or by itself.
    by_itself = f"JOURNAL#{charge['id']}#fee"
    assert booked_rows(stack, shop, invoice) - {by_itself} == {
        f"PAYMENT#{charge['id']}",
        f"JOURNAL#{invoice}#finalized",
        f"JOURNAL#{charge['id']}#payment",
    }
    assert fees_entered(shop, charge["id"]) == [payment["note"]["fee"]]


@pytest.mark.claim("OM-2")
@pytest.mark.claim("OH-5")
@pytest.mark.claim("OH-7")
@pytest.mark.claim("OH-11")
def test_a_saved_card_pays_a_part_and_then_the_rest_and_nothing_more(shop: Shop) -> None:
    customer = shop.customer()
    card = shop.save_card(customer)
    invoice = shop.invoice(customer)

    part = required(shop.charge(invoice, amount=1600, payment_method=card), 201)
    too_much = shop.charge(invoice, amount=2500)
    rest = required(shop.charge(invoice), 201)
    more = shop.charge(invoice, amount=1600)
    nowhere = shop.charge("inv_00000000000000000000000000")

    assert part["attempt"]["status"] == rest["attempt"]["status"] == "succeeded"
    assert (part["invoice"]["status"], part["invoice"]["outstanding"]) == ("partially_paid", 2400)
    assert (rest["invoice"]["status"], rest["payment"]["gross"]) == ("paid", 2400)
    assert (too_much.status, too_much.json["code"]) == (409, "exceeds_outstanding")
    assert (more.status, more.json["code"]) == (409, "invoice_not_payable")
    assert (nowhere.status, nowhere.json["code"]) == (404, "not_found")
    assert sorted(charge["amount"] for charge in shop.charges(invoice)) == [1600, 2400]
    assert all(charge["metadata"]["invoice"] == invoice for charge in shop.charges(invoice))


@pytest.mark.claim("OM-3")
def test_a_machine_charges_a_saved_card_as_a_person_does(stack: Stack, shop: Shop) -> None:
    customer = shop.customer()
    shop.save_card(customer)
    stack.aws("dynamodb").put_item(
        TableName=stack.deployment.resources["Table"],
        Item={
            name: {"S": value}
            for name, value in {
                "pk": "P#CLIENT#erp",
                "sk": "POINTER",
                "tenant": shop.tenant,
                "role": "operator",
                "profile": "operator",
            }.items()
        },
    )
    token = stack.issuer.sign({"sub": "erp", "token_use": "access", "client_id": "erp"})
    by_machine, by_person = shop.invoice(customer), shop.invoice(customer)

    machine = Client(stack.api, token).post(
        f"/v1/invoices/{by_machine}/charges", {}, idempotency_key=new_key()
    )
    person = shop.charge(by_person)

    for answer, invoice in ((machine, by_machine), (person, by_person)):
        assert answer.status == 201
        assert answer.json["payment"]["note"]["charge"] == shop.charges(invoice)[0]["id"]
        assert shop.read(invoice)["status"] == "paid"


def test_a_decline_says_why_and_what_to_do_and_leaves_the_invoice_free(shop: Shop) -> None:
    customer = shop.customer()
    shop.save_card(customer, "pm_card_chargeCustomerFail")
    invoice = shop.invoice(customer)

    answer = shop.charge(invoice)

    assert answer.status == 402
    problem = answer.json
    assert (problem["code"], problem["decline_code"]) == ("card_declined", "generic_decline")
    assert (problem["advice_code"], problem["advice"]) == ("try_again_later", "try_again_later")
    seen = shop.read(invoice)
    assert (seen["status"], seen["amounts"]["collectable"]) == ("open", 4000)
    assert [attempt["id"] for attempt in seen["attempts"]] == [problem["attempt_id"]]
    assert seen["attempts"][0]["status"] == "failed"
    assert [intent["status"] for intent in shop.intents(invoice)] == ["canceled"]


def test_the_scheduled_run_finds_a_payment_whose_webhooks_were_lost_and_reports_it_healed(
    stack: Stack, shop: Shop, deliver: Callable[[str], None]
) -> None:
    invoice = shop.invoice(shop.customer())
    checkout = shop.open_checkout(shop.link(invoice))
    heal_fees(stack, shop)
    deliver("drop")
    shop.pay_at(checkout)
    assert shop.read(invoice)["status"] == "open"

    runs = scheduled_runs(stack, shop)

    assert [(run["trigger"], run["healed"], run["residual"]) for run in runs] == [
        ("schedule", 1, 0)
    ]
    assert runs[0]["checked"] == runs[0]["matched"] + 1
    assert shop.settled(invoice)["payments"][0]["note"]["charge"] == shop.charges(invoice)[0]["id"]
    heal_fees(stack, shop)


@pytest.mark.claim("CR-4")
def test_a_payment_is_found_and_given_back_in_part_and_the_invoice_says_so(shop: Shop) -> None:
    customer = shop.customer()
    invoice = shop.invoice(customer)
    payment = shop.payment(invoice)
    key = new_key()

    first = required(shop.refund(payment, key=key, amount=1500, reason="Broken"), 201)
    again = required(shop.refund(payment, key=key, amount=1500, reason="Broken"), 201)
    too_much = shop.refund(payment, amount=2501)

    assert (first, first["status"]) == (again, "succeeded")
    assert (too_much.status, too_much.json["code"]) == (409, "refund_exceeds_payment")
    (told,) = [each for each in shop.truth()["refunds"] if each["id"] == first["stripe_refund"]]
    assert (told["amount"], told["metadata"]["refund"]) == (1500, first["id"])
    seen = shop.read(invoice)
    assert (seen["status"], seen["amounts"]["paid"], seen["amounts"]["credited"]) == (
        "paid",
        2500,
        1500,
    )
    found = eventually(
        lambda: shop.payments(customer=customer, status="partially_refunded"), lambda seen: seen
    )
    assert [(each["id"], each["refunded"]) for each in found] == [(payment["id"], 1500)]
    assert shop.payments(customer=customer, to=payment["paid_at"]) == []


@pytest.mark.claim("OH-1")
def test_a_refund_made_in_the_dashboard_shows_up_within_a_minute(stack: Stack, shop: Shop) -> None:
    payment = shop.payment(shop.invoice(shop.customer()))
    made = Client(stack.stripe, stripe_keys(shop.tenant)["secret_key"]).send(
        "POST",
        "/v1/refunds",
        f"charge={payment['note']['charge']}&amount=700".encode(),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )

    (refund,) = eventually(
        lambda: shop.payments(invoice=payment["invoice"])[0]["refunds"],
        lambda seen: bool(seen) and seen[0]["status"] == "succeeded",
        within_s=60,
    )

    assert (refund["stripe_refund"], refund["amount"]) == (required(made, 200)["id"], 700)
    assert refund["origin"] == "stripe"
    assert shop.read(payment["invoice"])["amounts"]["refunded"] == 700


@pytest.mark.claim("KO-8")
def test_the_books_of_both_tenants_are_the_truth_at_stripe(
    stack: Stack, shop: Shop, other: Shop
) -> None:
    for each in (shop, other):
        invoice = each.invoice(each.customer(), total=1234)
        each.payment(invoice)

    for each in (shop, other):
        books = compare_books(each.client("viewer"), Client(stack.stripe), each.stripe_account)
        assert 1234 in {gross for _, gross, _, _ in books.ours}
        assert books.differences == set()
        truth = each.truth()
        net = sum(entry["net"] for entry in truth["balance_transactions"])
        held = truth["balance"]["available"] + truth["balance"]["pending"]
        assert sum(part["amount"] for part in held) == net > 0


def scheduled_runs(stack: Stack, shop: Shop) -> list[Any]:
    """Have the schedule reconcile, and return the runs of the shop once they are done."""
    path = "/v1/reconciliation/runs"
    known = {run["id"] for run in required(shop.client().get(path), 200)["data"]}
    stack.run_schedule("ReconcileAccountsSchedule")
    return eventually(
        lambda: [
            run for run in required(shop.client().get(path), 200)["data"] if run["id"] not in known
        ],
        lambda found: bool(found) and all(run["status"] == "done" for run in found),
    )


def heal_fees(stack: Stack, shop: Shop) -> None:
    """Have the schedule run until it has booked every fee whose own webhook was lost."""
    eventually(
        lambda: (scheduled_runs(stack, shop), shop.payments())[1],
        lambda paid: all(each["fee"]["state"] != "pending" for each in paid),
    )


def fees_entered(shop: Shop, charge: str) -> list[int]:
    """Return what the journal has debited as Stripe's fee for a charge, each time that it did."""
    entries, cursor = [], ""
    while True:
        path = f"/v1/ledger/entries?limit=100{cursor and f'&cursor={cursor}'}"
        page = required(shop.client("viewer").get(path), 200)
        entries += page["data"]
        if not (following := page["next_cursor"]):
            break
        cursor = quote(following)
    return [
        posting["amount"]
        for entry in entries
        if entry["fact"].startswith(f"{charge}#")
        for posting in entry["postings"]
        if posting["account"] == "fees:stripe"
    ]


def booked_rows(stack: Stack, shop: Shop, invoice: str) -> set[str]:
    """Return the sort keys of what was booked for an invoice."""
    rows = stack.aws("dynamodb").query(
        TableName=stack.deployment.resources["Table"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"T#{shop.tenant}#INV#{invoice}"}},
    )["Items"]
    names = {row["sk"]["S"] for row in rows}
    return {name for name in names if name.startswith(("PAYMENT#", "JOURNAL#"))}
