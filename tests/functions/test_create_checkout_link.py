"""POST /v1/invoices/{id}/pay-links: an address, of which only a digest is kept."""

import re
from collections.abc import Callable

import pytest

from tests.doubles.invocations import DOMAIN
from tests.functions import refusals
from tests.functions.refusals import ALWAYS, AMOUNTS, Bad, invalid, refuse, refuse_body
from tests.functions.shop import Shop, expect
from tests.functions.world import Died, Json, World

ROUTE = "POST /v1/invoices/{id}/pay-links"
ALLOWED = {ROUTE: {"admin", "operator"}}


def links(invoice: Json) -> str:
    return f"/v1/invoices/{invoice['id']}/pay-links"


@pytest.fixture(scope="module")
def owed(showroom: Shop) -> Json:
    """Give an invoice."""
    return showroom.invoice()


def test_a_link_is_created_as_the_contract_shows(shop: Shop) -> None:
    invoice = shop.invoice()

    made = expect(201, shop.operator.post(links(invoice), {"message": "Thank you"}))

    assert made.keys() == {"id", "url", "status"}
    assert re.fullmatch("lnk_[0-9a-z]{26}", made["id"])
    assert re.fullmatch(rf"https://{DOMAIN}/p/[A-Za-z0-9_-]{{43}}", made["url"])
    assert made["status"] == "active"
    assert shop.read(invoice)["facets"]["collection"] == "idle"


def test_nothing_is_asked_of_stripe(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.world.gate.arm(None)

    shop.link(invoice)

    assert not [name for name in shop.world.gate.passed if "/v1/" in name]


def test_the_token_is_not_in_the_links_rows(shop: Shop) -> None:
    token = shop.link(shop.invoice()).removeprefix("/p/")

    assert token not in str(shop.world.facts())


def test_a_key_twice_makes_one_link(shop: Shop) -> None:
    invoice = shop.invoice()

    refusals.use_key_twice(shop.operator, links(invoice), {"message": "a"}, {"message": "b"})

    assert len([sk for _, sk in shop.world.rows() if sk.startswith("LINK#")]) == 1


def test_a_creation_cut_short_anywhere_ends_with_one_link_that_works(shop: Shop) -> None:
    shop.world.gate.arm(None)
    shop.link(shop.invoice())

    for step in range(len(shop.world.gate.passed) // 2):
        invoice = shop.invoice()
        shop.world.gate.arm(step, "after")
        with pytest.raises(Died):
            shop.operator.post(links(invoice), {}, key=invoice["id"])
        shop.world.gate.arm(None)
        shop.world.advance(minutes=2)
        made = expect(201, shop.operator.post(links(invoice), {}, key=invoice["id"]))
        path = made["url"].removeprefix(f"https://{DOMAIN}")
        assert shop.world.public.get(path).status == 200, step


BAD = (
    *ALWAYS,
    *AMOUNTS,
    invalid("card number in the message", {"message": refusals.PAN}, "pan_detected"),
    invalid("endless message", {"message": "x" * 1001}),
    invalid("control character in the message", {"message": "a\x00b"}),
    invalid("message that is a number", {"message": 1}),
    invalid("less than Stripe charges", {"amount": 1}, "amount_too_small"),
    Bad("more than is owed", 409, "exceeds_outstanding", {"amount": 4001}),
    Bad("a module that nobody has", 404, "not_found", {"module": "mod_nobody"}),
)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_a_link_is_refused(showroom: Shop, owed: Json, bad: Bad) -> None:
    answer = refuse_body(showroom.operator, "POST", links(owed), {"message": "Thank you"}, bad)

    assert answer == (bad.status, bad.code)


def test_an_invoice_of_another_tenant_does_not_exist(showroom: Shop, owed: Json) -> None:
    assert refusals.foreign(showroom, links(owed), {}, "POST") == (404, "not_found")
    nobody = refuse(showroom.world, lambda: showroom.operator.post(links({"id": "inv_no"}), {}))
    assert nobody == (404, "not_found")


def test_a_module_of_another_tenant_does_not_exist(world: World) -> None:
    tulips, bakery = Shop.open(world, "tulips"), Shop.open(world, "bakery")
    invoice, theirs = tulips.invoice(), {"module": bakery.module["id"]}

    refused = refuse(world, lambda: tulips.operator.post(links(invoice), theirs))

    assert refused == (404, "not_found")


def test_who_was_not_granted_the_module_makes_no_link(showroom: Shop, owed: Json) -> None:
    refused = refuse(showroom.world, lambda: showroom.admin.post(links(owed), {}))

    assert refused == (403, "permission_denied")


def test_a_customer_who_is_not_enabled_gets_no_link(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.customer(enabled=False)

    refused = refuse(shop.world, lambda: shop.operator.post(links(invoice), {}))

    assert refused == (403, "customer_not_enabled")


def test_a_module_without_links_makes_none(world: World) -> None:
    shop = Shop.open(world, "tulips", link=False)
    invoice = shop.invoice()

    refused = refuse(world, lambda: shop.operator.post(links(invoice), {}))

    assert refused == (403, "feature_disabled")


def test_a_module_that_is_off_makes_no_link(shop: Shop) -> None:
    invoice = shop.invoice()
    expect(200, shop.admin.post(f"/v1/payment-modules/{shop.module['id']}/state", {"state": "off"}))

    refused = refuse(shop.world, lambda: shop.operator.post(links(invoice), {}))

    assert refused == (403, "module_off")


def test_a_paid_or_draft_invoice_gets_no_link(shop: Shop) -> None:
    paid, draft = shop.invoice(), shop.invoice(draft=True)
    shop.pay(paid)
    shop.world.deliver()

    for invoice in (paid, draft):
        refused = refuse(shop.world, lambda: shop.operator.post(links(invoice), {}))  # noqa: B023
        assert refused == (409, "invoice_not_payable")


def test_only_the_roles_of_the_contract_get_in(showroom: Shop) -> None:
    assert set(ALLOWED) == set(refusals.routes("create_checkout_link"))
    assert refusals.roles_that_may(showroom.world, ROUTE) == ALLOWED[ROUTE]


def test_strangers_are_turned_away(showroom: Shop) -> None:
    assert refusals.greet(showroom.world, ROUTE) == refusals.turned_away()


@pytest.mark.usefixtures("pool_claims")
def test_the_sample_event_names_an_invoice_that_is_not_there(
    world: World, sample: Callable[[str], Json]
) -> None:
    answer = world.invoke(sample("create_checkout_link"), "create_checkout_link")

    assert (answer.status, answer.code) == (404, "not_found")
