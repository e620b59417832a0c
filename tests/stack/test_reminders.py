"""What is told before it is too late, by the deployed schedules: a card expires, a bank waits."""

from datetime import UTC, datetime
from http import HTTPStatus

from local.stack.client import Client
from local.stack.stack import Stack, stripe_keys
from tests.stack.shop import FORM, Shop, control, eventually, new_key, required, troubles
from tests.stack.test_mails import SELLER, Listener, tell_seller

TWO_DAYS_S = 2 * 24 * 60 * 60


def test_the_owner_of_a_card_that_expires_is_told_once(stack: Stack, shop: Shop) -> None:
    buyer = f"{new_key()}@buyer.example"
    customer = shop.customer(email=buyer)
    card, now = shop.save_card(customer), datetime.now(UTC)
    stripe = Client(stack.stripe, stripe_keys(shop.tenant)["secret_key"])
    renewed = f"card[exp_month]={now.month}&card[exp_year]={now.year}".encode()
    path, form = f"/v1/payment_methods/{card}", {"content-type": FORM}
    assert stripe.send("POST", path, renewed, headers=form).status == HTTPStatus.OK
    eventually(
        lambda: [(each["exp_month"], each["exp_year"]) for each in shop.cards(customer)],
        lambda seen: seen == [(now.month, now.year)],
        why=lambda: troubles(stack),
    )

    stack.run_schedule("WarnOfCardsSchedule")
    (mail,) = eventually(lambda: stack.mails(buyer), bool, why=lambda: troubles(stack))
    assert "4242" in mail["text"]
    for _ in range(2):
        stack.run_schedule("WarnOfCardsSchedule")
        stack.run_schedule("SendNotificationsSchedule")
    told = required(
        shop.client("viewer").get(f"/v1/notifications?customer={customer}"), HTTPStatus.OK
    )["data"]
    assert [each["kind"] for each in told] == ["card.expiring"]
    assert len(stack.mails(buyer)) == 1


def test_the_merchant_is_told_while_a_dispute_can_still_be_answered(
    stack: Stack, shop: Shop
) -> None:
    tell_seller(shop)
    heard = Listener(stack)
    invoice = shop.invoice(shop.customer())
    shop.pay_at(shop.open_checkout(shop.link(invoice)), "pm_card_createDispute")
    seen = eventually(lambda: shop.read(invoice), lambda found: bool(found["disputes"]))
    (dispute,) = seen["disputes"]

    near = {"account": shop.stripe_account, "dispute": dispute["stripe_id"]}
    control(stack, "disputes", {**near, "within_s": TWO_DAYS_S})
    eventually(
        lambda: heard.of(invoice), lambda kinds: "dispute.deadline" in kinds,
        why=lambda: troubles(stack),
    )  # fmt: skip

    def told() -> list[str]:
        return [
            mail["subject"]
            for mail in stack.mails(SELLER)
            if seen["number"] in mail["subject"] and "left to answer" in mail["subject"]
        ]

    eventually(told, bool, why=lambda: troubles(stack))
    stack.run_schedule("SweepAttemptsSchedule")
    stack.run_schedule("SendNotificationsSchedule")
    assert [subject[:6] for subject in told()] == ["2 days"]
    assert heard.of(invoice).count("dispute.deadline") == 1
