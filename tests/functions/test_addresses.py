"""Every field that holds an e-mail address takes what Stripe and SES take, and nothing else."""

from collections.abc import Callable

import pytest

from payments.doors.gateway import Gateway
from payments.edge import runtime
from payments.errors import StripeRequestRefused
from payments.facts.settings import Settings
from tests.functions.shop import Shop, connection, expect
from tests.functions.test_open_pay_link import press
from tests.functions.world import Answer, Json

UMLAUT, PUNYCODE = "info@m\u00fcller.example", "info@xn--mller-kva.example"
BAD = ("ada@gmail", "ada@.maie.com", "\u00e4da@buyer.example", "ada..b@buyer.example")


def settings(shop: Shop, address: str) -> Answer:
    seen = {"if-match": shop.admin.get("/v1/settings").headers["etag"]}
    return shop.admin.send("PATCH", "/v1/settings", {"seller_email": address}, headers=seen)


def link(shop: Shop, address: str) -> Answer:
    path = f"/v1/invoices/{shop.invoice()['id']}/pay-links"
    return shop.operator.post(path, {"send": {"email": address}})


FIELDS: dict[str, Callable[[Shop, str], Answer]] = {
    "a customer": lambda shop, address: shop.admin.send(
        "PUT", "/v1/customers/c-2", {"name": "Ada", "email": address}
    ),
    "the seller": settings,
    "a link": link,
    "a lifted address": lambda shop, address: shop.admin.post(
        "/v1/notifications/lift-suppression", {"email": address}
    ),
    "an account": lambda shop, address: shop.admin.post(
        "/v1/accounts", connection("tulips", name="Second", error_emails=[address])
    ),
    "an onboarding": lambda shop, address: shop.admin.post(
        "/v1/accounts/onboarding-sessions", {"name": "New", "mode": "test", "email": address}
    ),
    "a consent": lambda shop, address: shop.admin.post(
        "/v1/accounts/oauth-sessions", {"name": "New", "mode": "test", "error_emails": [address]}
    ),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("field", FIELDS)
def test_an_address_that_is_refused_later_is_refused_at_entry_with_a_sentence(
    showroom: Shop, field: str, bad: str
) -> None:
    answer = FIELDS[field](showroom, bad)

    assert (answer.status, answer.code) == (422, "validation_failed")
    (wrong,) = answer.json["errors"]
    assert "email" in wrong["field"]
    assert "the @" in wrong["rule"]


def test_an_internationalised_domain_is_kept_as_mail_servers_know_it(shop: Shop) -> None:
    kept = expect(200, settings(shop, UMLAUT))["seller_email"]
    put = shop.admin.send("PUT", "/v1/customers/c-2", {"name": "Ada", "email": UMLAUT})

    assert (kept, put.json["email"]) == (PUNYCODE, PUNYCODE)
    expect(201, link(shop, UMLAUT))
    shop.world.notify()
    (mail,) = shop.world.post.to(PUNYCODE)
    assert mail["ReplyToAddresses"] == [PUNYCODE]


def test_an_address_of_before_that_no_answer_reaches_stops_no_mail(shop: Shop) -> None:
    runtime.store().save(Settings(tenant="tulips", seller_email="\u00e4da@shop.example"))
    expect(201, link(shop, "ada@buyer.example"))
    shop.world.notify()

    (mail,) = shop.world.post.to("ada@buyer.example")
    assert "ReplyToAddresses" not in mail


def test_the_merchant_is_told_of_a_mail_that_ses_does_not_take(shop: Shop) -> None:
    expect(200, settings(shop, "seller@shop.example"))
    shop.world.post.troubles = ["BadRequestException"]
    expect(201, link(shop, "ada@buyer.example"))
    for _ in range(2):
        shop.world.notify()

    assert shop.world.post.subjects("seller@shop.example") == ["A mail to Ada came back"]


def refused(gateway: Gateway, params: Json, key: str) -> str:
    del gateway, params, key
    raise StripeRequestRefused("Stripe refused it.", param="email", stripe_code="email_invalid")


def test_an_address_that_stripe_refuses_is_named_to_staff_to_the_merchant_and_to_the_payer(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(200, settings(shop, "seller@shop.example"))
    path = shop.link(shop.invoice())
    monkeypatch.setattr(Gateway, "create_customer", refused)

    pressed = [press(shop, path) for _ in range(2)]
    staff = shop.operator.post("/v1/customers/c-1/setup-sessions", {"module": shop.module["id"]})
    shop.world.notify()

    assert [answer.status for answer in pressed] == [422, 422]
    assert "Ask the seller to correct it." in pressed[0].text
    assert "Try again" not in pressed[0].text
    assert (staff.code, staff.json["field"], staff.json["customer"]) == (
        "customer_refused",
        "email",
        "c-1",
    )
    assert shop.world.post.subjects("seller@shop.example") == [
        "Stripe refuses the e-mail address of Ada"
    ]
    monkeypatch.undo()
    assert press(shop, path).status == 303
