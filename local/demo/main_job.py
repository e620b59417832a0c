"""Do the main job on the local stack and compare the books at the end: `make demo`."""

import base64
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from local.demo.compare_books import compare_books, payments
from local.demo.serve import interrupt
from local.demo.telling import Surprise, euros, expect, key, note, require, say, step, title, wait
from local.stack.client import Answer, Client, visit
from local.stack.processes import StackError
from local.stack.stack import Stack, running_stack, stripe_account

FORM = {"content-type": "application/x-www-form-urlencoded"}
RECEIPT = {
    "field": "receipt",
    "filename": "receipt.pdf",
    "content_type": "application/pdf",
    "content_base64": base64.b64encode(b"%PDF-1.4 two tulips, delivered").decode(),
}
ORDER = {
    "currency": "eur",
    "lines": [{"description": "Tulips", "quantity": 2, "unit_amount": 2000}],
    "allow_partial": True,
}


@dataclass(frozen=True)
class Shop:
    """A tenant with its people, its storefront and its Stripe account, connected."""

    name: str
    admin: Client
    staff: Client
    storefront: Client
    stripe_account: str
    account: str
    module: str


def main() -> None:
    """Run the demo; anything that is not as it should be ends it with a sentence and status 1."""
    signal.signal(signal.SIGTERM, interrupt)
    begun = time.monotonic()
    try:
        with running_stack() as stack:
            say("The local stack answers", f"{stack.api} (up in {time.monotonic() - begun:.1f} s)")
            for sentence in stack.deployment.left_out:
                note(f"left out here: {sentence}")
            differences = show(stack)
    except (StackError, Surprise) as error:
        sys.exit(f"\nThe demo stopped: {error}")
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; everything it started has ended.")
    print(f"\nDone in {time.monotonic() - begun:.0f} s.")
    sys.exit(1 if differences else 0)


def show(stack: Stack) -> int:
    """Do the main job for two tenants and return how many differences the books have."""
    tulips = connect(stack, "tulips")
    paid = pay_by_link(tulips)
    card = save_card(tulips)
    charge_card(tulips, card)
    give_back(tulips)
    lose_webhooks(stack, tulips)
    double_webhooks(stack, tulips)
    answer_dispute(stack, tulips)
    bakery = onboard(stack, "bakery")
    pay_by_link(bakery)
    keep_apart(bakery, paid)
    return sum(compare(stack, shop) for shop in (tulips, bakery))


def connect(stack: Stack, tenant: str) -> Shop:
    """Connect an account by its keys."""
    admin, stripe = stack.client(tenant, "admin"), stripe_account(stack.stripe, tenant)
    step(f"{tenant.capitalize()} connects its Stripe account by its keys")
    keys = {name: stripe[name] for name in ("publishable_key", "secret_key")}
    body = {"name": "Main", "mode": "test", "error_emails": [f"ar@{tenant}.example"], **keys}
    account = expect(201, admin.post("/v1/accounts", body, idempotency_key=key()))
    require(account["status"] == "active", f"the account is {account['status']}")
    proven = len(account["checks"])
    say("POST /v1/accounts", f"{account['stripe_account']} is active, {proven} permissions proven")
    note(f"webhook endpoint at API version {account['webhook']['api_version']}, secret kept")
    return open_shop(stack, tenant, account)


def onboard(stack: Stack, tenant: str) -> Shop:
    """Have a merchant who has no Stripe account yet get one, in Stripe's own pages."""
    admin = stack.client(tenant, "admin")
    step(f"{tenant.capitalize()} has no Stripe account, and gets one in Stripe's own pages")
    body = {"name": "Main", "mode": "test", "country": "DE", "email": f"owner@{tenant}.example"}
    path = "/v1/accounts/onboarding-sessions"
    begun = expect(201, admin.post(path, body, idempotency_key=key()))
    say("POST /v1/accounts/onboarding-sessions", f"{begun['id']}, and a link to {stack.stripe}")
    visit(begun["url"])
    left = expect(200, admin.get(f"/v1/accounts/{begun['id']}"))
    require(left["status"] == "pending", f"an account that was left is {left['status']}")
    say("The owner looks, and leaves", f"{left['status']}: {left['status_reason'][:34]}...")
    fresh = expect(200, admin.post(f"/v1/accounts/{begun['id']}/onboarding-link", {}))
    visit(fresh["url"])
    back = visit(fresh["url"], b"").headers["location"]
    require(visit(back).status == 200, "the way back from Stripe leads nowhere")
    account = expect(200, admin.get(f"/v1/accounts/{begun['id']}"))
    require(account["status"] == "active", f"the account is {account['status']}")
    say("A fresh link, filled in, and back", f"{account['stripe_account']} is active")
    require(visit(back).status == 400, "a way back was used twice")
    note(
        "the way back works once; payments go straight to this account, through the platform's key"
    )
    return open_shop(stack, tenant, account)


def open_shop(stack: Stack, tenant: str, account: dict[str, Any]) -> Shop:
    """Switch a module on an account to Sandbox, and let the staff use it."""
    admin = stack.client(tenant, "admin")
    features = {"link": True, "charge_saved": True, "partial": True}
    asked = {"name": "Cards", "account": account["id"], "features": features}
    module = expect(201, admin.post("/v1/payment-modules", asked, idempotency_key=key()))
    state = f"/v1/payment-modules/{module['id']}/state"
    expect(200, admin.post(state, {"state": "sandbox"}))
    for profile in ("operator", "storefront"):
        expect(200, admin.put(f"/v1/profiles/{profile}/modules/{module['id']}"))
    say("Payment module", f"{module['state']} -> sandbox, granted to operator and storefront")
    customer = {"name": "Ada", "email": "ada@example.com", "online_payment_enabled": True}
    expect(200, admin.put("/v1/customers/ada", customer))
    staff, storefront = stack.client(tenant, "operator"), stack.client(tenant, "storefront")
    return Shop(
        tenant, admin, staff, storefront, account["stripe_account"], account["id"], module["id"]
    )


def pay_by_link(shop: Shop) -> str:
    """Pay an invoice in the hosted page; only the webhook tells us."""
    step("The storefront creates an invoice; a repeat makes no second one")
    once = key()
    invoice, again = (invoice_for(shop, "2026-001", once) for _ in range(2))
    require(invoice["id"] == again["id"], "the repeat made a second invoice")
    say("POST /v1/invoices twice", f"{invoice['id']} both times, {euros(invoice, 'total')} to pay")
    step("A payer opens the link, pays in the hosted page, and the webhook books it")
    link = send_link(shop, invoice["id"])
    page = Client(link).get("")
    require(
        page.status == 200 and "\N{EURO SIGN}40.00" in page.text,
        "the page does not show the amount",
    )
    say("GET /p/...", "the page names the merchant and 40.00 EUR, and mints nothing")
    session = press_pay(link)
    say("POST /p/.../pay", f"303 to {urlsplit(session).netloc}{urlsplit(session).path[:18]}...")
    declined = pay(session, "pm_card_visa_chargeDeclinedInsufficientFunds")
    require(declined.status == 402, "the declining card was not declined")
    say("A card without funds", "declined in the page; the attempt stays open for another card")
    pay(session, "pm_card_visa")
    booked = wait(lambda: paid_invoice(shop, invoice["id"]), "the webhook to book the payment")
    say("Signed webhook -> queue -> refetch -> books", f"invoice {booked['number']} is paid")
    note(
        f"its fee is {booked['payments'][0]['fee']['state']}: Stripe's own books are a moment later"
    )
    booked = wait(lambda: priced_invoice(shop, invoice["id"]), "Stripe to tell the fee")
    facts = booked["payments"][0]["note"]
    say("charge.updated -> refetch -> books", "now the fee is known, and what is left of it")
    note(f"note: {facts['payment_intent'][:12]}... {facts['brand']} {facts['last4']}")
    amount, fee = (f"{facts[name] / 100:.2f} EUR" for name in ("amount", "fee"))
    note(f"      {amount} with a fee of {fee}, at {facts['paid_at']}")
    return str(invoice["id"])


def save_card(shop: Shop) -> str:
    """Save a card in the hosted page and return its id."""
    step("A customer saves a card; staff charge it without them")
    opened = expect(201, shop.staff.post(
        "/v1/customers/ada/setup-sessions", {"module": shop.module}, idempotency_key=key()
    ))  # fmt: skip
    pay(opened["url"], "pm_card_visa")
    cards = "/v1/customers/ada/payment-methods"
    card = wait(lambda: shop.staff.get(cards).json["data"], "the saved card")[0]
    say("Hosted page", f"{card['brand']} {card['last4']} saved as {card['id'][:12]}...")
    return str(card["id"])


def charge_card(shop: Shop, card: str) -> None:
    """Charge a part, then the rest; then a card that declines."""
    invoice = invoice_for(shop, "2026-002", key())
    path = f"/v1/invoices/{invoice['id']}/charges"
    part = expect(201, shop.staff.post(path, {"amount": 1500}, idempotency_key=key()))
    say("POST .../charges 15.00 EUR", f"{part['attempt']['status']}, {part['invoice']['status']}")
    once = key()
    rest = expect(201, shop.staff.post(path, {"payment_method": card}, idempotency_key=once))
    again = shop.staff.post(path, {"payment_method": card}, idempotency_key=once)
    same = again.json["payment"]["id"] == rest["payment"]["id"]
    require(same, "the double click charged again")
    say("The rest, clicked twice", f"one payment of 25.00 EUR, {rest['invoice']['status']}")
    late = shop.staff.post(path, {}, idempotency_key=key())
    require(late.json["code"] == "invoice_not_payable", "a paid invoice was charged")
    say("Once more", f"{late.status} {late.json['code']}")
    decline_card(shop)


def decline_card(shop: Shop) -> None:
    """Save a card that the bank will decline, and charge it."""
    expect(200, shop.admin.put(
        "/v1/customers/bob", {"name": "Bob", "online_payment_enabled": True}
    ))  # fmt: skip
    opened = expect(201, shop.staff.post(
        "/v1/customers/bob/setup-sessions", {"module": shop.module}, idempotency_key=key()
    ))  # fmt: skip
    pay(opened["url"], "pm_card_chargeCustomerFail")
    cards = "/v1/customers/bob/payment-methods"
    wait(lambda: shop.staff.get(cards).json["data"], "the saved card")
    invoice = invoice_for(shop, "2026-003", key(), customer="bob")
    path = f"/v1/invoices/{invoice['id']}"
    refusal = shop.staff.post(f"{path}/charges", {}, idempotency_key=key())
    require(refusal.status == 402, f"the declining card was answered {refusal.status}")
    problem, after = refusal.json, shop.staff.get(path).json
    say("A card that declines", f"402 {problem['code']}: {problem['decline_code']}")
    require(after["amounts"]["collectable"] == 4000, "the declined attempt holds the invoice")
    note(f"advice: {problem['advice']}; fenced at Stripe, the invoice is free again")


def give_back(shop: Shop) -> None:
    """Give a part back as a credit note, clicked twice, and no more than came."""
    step("Staff give a part back; never more than came")
    payment = expect(200, shop.staff.get("/v1/payments?limit=1"))["data"][0]
    path, once = f"/v1/payments/{payment['id']}/refunds", key()
    body = {"amount": 1000, "reason": "Two tulips were broken"}
    refund = expect(201, shop.staff.post(path, body, idempotency_key=once))
    again = shop.staff.post(path, body, idempotency_key=once)
    require(again.json == refund, "the double click gave back twice")
    say("POST .../refunds 10.00 EUR, clicked twice", f"one refund, {refund['status']}")
    invoice = shop.staff.get(f"/v1/invoices/{payment['invoice']}").json
    note(f"invoice {invoice['number']}: {invoice['status']}, {euros(invoice, 'credited')} credited")
    late = shop.staff.post(path, {"amount": payment["gross"]}, idempotency_key=key())
    require(late.json["code"] == "refund_exceeds_payment", "more was given back than came")
    say("All of it once more", f"{late.status} {late.json['code']}")


def lose_webhooks(stack: Stack, shop: Shop) -> None:
    """Switch delivery off; the scheduled reconciliation finds the payment."""
    step("Every webhook is lost; the scheduled reconciliation heals the books")
    stripe = Client(stack.stripe)
    expect(200, stripe.post("/_control/webhooks", {"mode": "drop"}))
    invoice = invoice_for(shop, "2026-004", key())
    pay(press_pay(send_link(shop, invoice["id"])), "pm_card_visa")
    before = shop.staff.get(f"/v1/invoices/{invoice['id']}").json
    require(before["status"] == "open", "a lost webhook was not lost")
    say("Paid in the hosted page", f"Stripe has the money, the invoice is still {before['status']}")
    # The schedule comes hourly, and Stripe's books are seconds behind.
    wait(lambda: is_booked(stripe, shop), "Stripe's own books")
    stack.run_schedule("ReconcileAccountsSchedule")
    run = wait(lambda: finished_run(shop), "the scheduled run")
    after = shop.staff.get(f"/v1/invoices/{invoice['id']}").json
    require(after["status"] == "paid" and run["healed"] == 1, "the run did not heal it")
    counts = f"checked {run['checked']}, matched {run['matched']}, healed {run['healed']}"
    say("EventBridge Scheduler -> run", f"{counts}, residual {run['residual']}; {after['status']}")
    expect(200, stripe.post("/_control/webhooks", {"mode": "deliver"}))


def double_webhooks(stack: Stack, shop: Shop) -> None:
    """Have Stripe deliver every webhook twice: one payment, and one mail to the payer."""
    step("Every webhook arrives twice; one payment, one mail")
    stripe = Client(stack.stripe)
    expect(200, stripe.post("/_control/webhooks", {"mode": "duplicate"}))
    email = "cleo@example.com"
    payer = {"name": "Cleo", "email": email, "online_payment_enabled": True}
    expect(200, shop.admin.put("/v1/customers/cleo", payer))
    invoice = invoice_for(shop, "2026-005", key(), customer="cleo")
    pay(press_pay(send_link(shop, invoice["id"])), "pm_card_visa")
    booked = wait(lambda: paid_invoice(shop, invoice["id"]), "the webhook to book the payment")
    receipts = wait(lambda: stack.mails(email), "the payer's mail")
    expect(200, stripe.post("/_control/webhooks", {"mode": "deliver"}))
    require(len(booked["payments"]) == len(receipts) == 1, "something was done twice")
    say("Each event delivered twice", f"one payment, invoice {booked['number']} is paid")
    note(f"one mail to the payer: {receipts[0]['subject']}")


def answer_dispute(stack: Stack, shop: Shop) -> None:
    """Have a payer dispute a payment, answer the bank, and win."""
    step("A payer disputes a payment; staff answer the bank and win")
    invoice = invoice_for(shop, "2026-006", key())["id"]
    pay(press_pay(send_link(shop, invoice)), "pm_card_createDispute")
    seen = wait(lambda: disputed(shop, invoice, "needs_response"), "the dispute")
    (dispute,) = seen["disputes"]
    path = f"/v1/disputes/{dispute['id']}"
    say("Signed webhook -> refetch -> books", f"{dispute['withdrawn'] / 100:.2f} EUR are held")
    note(f"invoice {seen['number']}: {seen['facets']['exception']}; due {dispute['due_by'][:10]}")
    refused = shop.staff.post(f"/v1/invoices/{invoice}/pay-links", {}, idempotency_key=key())
    require(refused.json["code"] == "invoice_disputed", "a disputed invoice was collected for")
    say("Another link meanwhile", f"{refused.status} {refused.json['code']}")
    evidence = {"fields": {"uncategorized_text": "winning_evidence"}, "files": [RECEIPT]}
    expect(200, shop.staff.post(f"{path}/evidence", evidence, idempotency_key=key()))
    sent = expect(200, shop.staff.post(f"{path}/submit", idempotency_key=key()))
    say("POST .../evidence, .../submit", f"a text and a PDF, {sent['status']}")
    expect(200, Client(stack.stripe).post("/_control/clock", {"advance_s": 61}))
    won = wait(lambda: disputed(shop, invoice, "won"), "the bank's decision")
    require(won["facets"]["exception"] == "none", "the invoice is still disputed")
    say("The bank decides", f"won, the money is back, invoice {won['status']}")


def is_booked(stripe: Client, shop: Shop) -> bool:
    """Say whether Stripe's books know of every charge."""
    charges = stripe.get(f"/_control/truth?account={shop.stripe_account}").json["charges"]
    return all(charge["balance_transaction"] for charge in charges if charge["paid"])


def is_priced(shop: Shop) -> bool:
    """Say whether the fee of every payment is known."""
    return all(paid["fee"]["state"] == "known" for _, paid in payments(shop.staff))


def disputed(shop: Shop, invoice: str, status: str) -> dict[str, Any] | None:
    found: dict[str, Any] = shop.staff.get(f"/v1/invoices/{invoice}").json
    return found if [each["status"] for each in found["disputes"]] == [status] else None


def keep_apart(other: Shop, invoice: str) -> None:
    """Show that one tenant does not see another's invoice."""
    step("Tenants do not meet")
    answer = other.staff.get(f"/v1/invoices/{invoice}")
    require(answer.status == 404, "another tenant's invoice was shown")
    say(f"{other.name.capitalize()} asks for tulips' invoice", f"{answer.status} not_found")


def compare(stack: Stack, shop: Shop) -> int:
    """Compare a tenant's books with the stand-in's truth and return the differences."""
    title(f"Books of {shop.name} against Stripe's own")
    wait(lambda: is_priced(shop), "Stripe to tell the last fee")
    found = compare_books(shop.staff, Client(stack.stripe), shop.stripe_account)
    total = f"{found.total / 100:.2f} EUR"
    say(
        f"{len(found.ours)} payments, refunds, disputes, {total}",
        f"{len(found.differences)} differences",
    )
    for fact in sorted(found.differences):
        note(f"only on one side: {fact}")
    ledger = expect(200, shop.staff.get("/v1/ledger/trial-balance"))
    require(ledger["balanced"], f"the journal does not balance: {ledger['totals']}")
    say(f"{ledger['entries']} entries of the journal", f"debits less credits: {ledger['totals']}")
    return len(found.differences)


def invoice_for(shop: Shop, number: str, once: str, customer: str = "ada") -> dict[str, Any]:
    body = {"number": number, "module": shop.module, "customer": customer, **ORDER}
    return expect(201, shop.storefront.post("/v1/invoices", body, idempotency_key=once))


def send_link(shop: Shop, invoice: str) -> str:
    path = f"/v1/invoices/{invoice}/pay-links"
    link = expect(201, shop.staff.post(path, {"message": "Thank you"}, idempotency_key=key()))
    return str(link["url"])


def press_pay(link: str) -> str:
    """Press the page's button and return where it leads."""
    return Client(link).send("POST", "/pay", b"", headers=FORM).headers["location"]


def pay(session: str, card: str) -> Answer:
    """Complete a hosted page, as its form does."""
    return Client(session).send("POST", "/complete", urlencode({"pm": card}).encode(), headers=FORM)


def paid_invoice(shop: Shop, invoice: str) -> dict[str, Any] | None:
    found: dict[str, Any] = shop.storefront.get(f"/v1/invoices/{invoice}").json
    return found if found["status"] == "paid" else None


def priced_invoice(shop: Shop, invoice: str) -> dict[str, Any] | None:
    found = paid_invoice(shop, invoice)
    return found if found and found["payments"][0]["fee"]["state"] == "known" else None


def finished_run(shop: Shop) -> dict[str, Any] | None:
    runs: list[dict[str, Any]] = shop.staff.get("/v1/reconciliation/runs").json["data"]
    return next((run for run in runs if run["status"] == "done"), None)


if __name__ == "__main__":
    main()
