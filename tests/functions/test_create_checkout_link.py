"""POST /v1/invoices/{id}/pay-links: an address, of which only a digest is kept."""

import re
from functools import partial
from urllib.parse import urlsplit

import pytest

from payments.edge import runtime
from payments.steps.links.link_tokens import token_of
from tests.doubles.invocations import DOMAIN
from tests.functions import refusals
from tests.functions.refusals import ALWAYS, AMOUNTS, Bad, invalid, refuse, refuse_body
from tests.functions.shop import Shop, expect
from tests.functions.world import Died, Json, World


def links(invoice: Json) -> str:
    return f"/v1/invoices/{invoice['id']}/pay-links"


@pytest.fixture(scope="module")
def owed(showroom: Shop) -> Json:
    """Give an invoice."""
    return showroom.invoice()


def test_a_link_is_created_as_the_contract_shows(shop: Shop) -> None:
    invoice = shop.invoice()

    made = expect(201, shop.operator.post(links(invoice), {"message": "Thank you"}))

    assert made.keys() == {
        *("id", "url", "status", "invoice", "rule", "amount"),
        *("least", "message", "expires_at", "created_at"),
    }
    assert re.fullmatch("lnk_[0-9a-z]{26}", made["id"])
    assert re.fullmatch(rf"https://{DOMAIN}/p/[A-Za-z0-9_-]{{43}}", made["url"])
    assert made["status"] == "active"
    assert shop.read(invoice)["facets"]["collection"] == "idle"


def test_nothing_is_asked_of_stripe(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.world.gate.arm(None)

    shop.link(invoice)

    assert not [name for name in shop.world.gate.passed if "/v1/" in name]


def test_the_token_is_in_no_row_at_all(shop: Shop) -> None:
    path = shop.link(shop.invoice())
    shop.press_pay(path)

    assert path.removeprefix("/p/") not in str(shop.world.rows())


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
    invalid("a fixed part of nothing", {"rule": "fixed"}),
    invalid("all of it, and an amount", {"rule": "full", "amount": 1000}),
    invalid("no rule", {"rule": "anything"}),
    invalid("a least part without a choice", {"least": 1000}),
    invalid("more at least than is offered", {"rule": "choose", "amount": 900, "least": 1000}),
    invalid("an end that has passed", {"expires_at": "2026-09-21T13:59:59Z"}),
    invalid("an end without a time zone", {"expires_at": "2026-12-21T13:59:59"}),
    invalid("a replacement that is no boolean", {"replace": 1}),
    invalid("less than Stripe charges", {"amount": 1}, "amount_too_small"),
    Bad("more than is owed", 409, "exceeds_outstanding", {"amount": 4001}),
    Bad("a module that nobody has", 404, "not_found", {"module": "mod_nobody"}),
)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_a_link_is_refused(showroom: Shop, owed: Json, bad: Bad) -> None:
    answer = refuse_body(showroom.operator, "POST", links(owed), {"message": "Thank you"}, bad)

    assert answer == (bad.status, bad.code)


def test_a_repeat_of_the_request_is_told_the_address_again(shop: Shop) -> None:
    invoice = shop.invoice()

    one, two = (shop.operator.post(links(invoice), {}, key="k-1") for _ in range(2))

    assert two.headers["idempotent-replayed"] == "true"
    assert one.json == two.json


def test_the_links_of_an_invoice_are_found_again_with_their_addresses(shop: Shop) -> None:
    invoice = shop.invoice()
    made = [expect(201, shop.operator.post(links(invoice), {})) for _ in range(2)]

    listed = expect(200, shop.operator.get(links(invoice)))

    assert listed == {"data": made[::-1], "next_cursor": None}


def test_links_of_two_tenants_have_nothing_in_common(world: World) -> None:
    """One secret makes all tokens; the tenant and the link decide which."""
    doors = runtime.doors()

    made = {token_of(t, link, doors) for t in ("tulips", "bakery") for link in ("lnk_1", "lnk_2")}

    assert len(made) == 4


def test_a_newer_link_takes_the_place_of_the_older_ones(shop: Shop) -> None:
    invoice = shop.invoice()
    older = [shop.link(invoice) for _ in range(2)]

    newer = shop.link(invoice, replace=True)

    listed = expect(200, shop.operator.get(links(invoice)))["data"]
    assert [link["status"] for link in listed] == ["active", "replaced", "replaced"]
    presses = [shop.world.public.post(f"{path}/pay", key=None) for path in (*older, newer)]
    opened = ["/c/pay/" in press.headers["location"] for press in presses]
    assert opened == [False, False, True]


def test_a_replacement_cut_short_anywhere_is_finished_by_the_same_request(shop: Shop) -> None:
    shop.world.gate.arm(None)
    shop.link(shop.invoice(), replace=True)

    for step in range(len(shop.world.gate.passed) // 2):
        invoice = shop.invoice()
        shop.link(invoice)
        asked = partial(shop.operator.post, links(invoice), {"replace": True}, key=invoice["id"])
        shop.world.gate.arm(step, "after")
        with pytest.raises(Died):
            asked()
        shop.world.gate.arm(None)
        shop.world.advance(minutes=2)
        expect(201, asked())
        listed = expect(200, shop.operator.get(links(invoice)))["data"]
        assert [link["status"] for link in listed] == ["active", "replaced"], step


def test_where_the_older_links_never_hold_still_no_link_is_made(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = shop.invoice()
    shop.link(invoice)
    shop.world.never_still("LINK#", monkeypatch)

    refused = shop.operator.post(links(invoice), {"replace": True})

    assert (refused.status, refused.code) == (503, "too_much_contention")
    monkeypatch.undo()
    listed = expect(200, shop.operator.get(links(invoice)))["data"]
    assert [link["status"] for link in listed] == ["active"]


def test_a_part_of_the_payers_choice_needs_a_module_and_an_invoice_that_take_parts(
    world: World,
) -> None:
    shop, whole = Shop.open(world, "tulips"), Shop.open(world, "bakery", partial=False)

    for each in (shop, whole):
        invoice = each.invoice(allow_partial=False)
        refused = refuse(world, lambda: each.operator.post(links(invoice), {"rule": "choose"}))  # noqa: B023
        assert refused == (403, "feature_disabled")


def test_a_revoked_link_is_closed_at_stripe_too_and_revoking_twice_is_the_same(shop: Shop) -> None:
    invoice = shop.invoice()
    made = expect(201, shop.operator.post(links(invoice), {}))
    url = shop.press_pay(urlsplit(made["url"]).path)

    for _ in range(2):
        revoked = expect(200, shop.operator.post(f"/v1/pay-links/{made['id']}/revoke"))
        assert (revoked["id"], revoked["status"]) == (made["id"], "revoked")

    assert shop.world.press(url).status == 410
    assert shop.read(invoice)["amounts"]["collectable"] == 4000


def test_a_page_that_could_not_be_closed_is_closed_when_it_is_revoked_again(shop: Shop) -> None:
    made = expect(201, shop.operator.post(links(shop.invoice()), {}))
    url, revoke = shop.press_pay(urlsplit(made["url"]).path), f"/v1/pay-links/{made['id']}/revoke"
    shop.world.fail("/v1/checkout/sessions/*/expire", "timeout_lost", "timeout_lost")

    assert shop.operator.post(revoke).code == "stripe_unavailable"
    assert expect(200, shop.operator.post(revoke))["status"] == "revoked"
    assert shop.world.press(url).status == 410


def test_a_link_that_is_revoked_while_pay_is_pressed_opens_no_page(shop: Shop) -> None:
    shop.session(shop.invoice())
    invoice = shop.invoice()
    dry, made = shop.link(shop.invoice()), expect(201, shop.operator.post(links(invoice), {}))
    shop.world.gate.arm(None)
    shop.press_pay(dry)
    claimed = shop.world.gate.passed.index("transact_write_items")
    shop.world.gate.arm(None)
    revoke = f"/v1/pay-links/{made['id']}/revoke"
    shop.world.gate.before = (claimed, lambda: expect(200, shop.operator.post(revoke)))

    pressed = shop.world.public.post(f"{urlsplit(made['url']).path}/pay", key=None)

    assert "/c/pay/" not in pressed.headers["location"]
    seen = shop.read(invoice)
    assert (seen["amounts"]["collectable"], seen["attempts"][0]["status"]) == (4000, "canceled")
    opened = shop.world.at_stripe("GET", "/v1/checkout/sessions", status="open")["data"]
    assert invoice["id"] not in {session["client_reference_id"] for session in opened}


def test_a_link_that_was_replaced_cannot_be_revoked(shop: Shop) -> None:
    invoice = shop.invoice()
    made = expect(201, shop.operator.post(links(invoice), {}))
    shop.link(invoice, replace=True)

    refused = shop.operator.post(f"/v1/pay-links/{made['id']}/revoke")

    assert (refused.status, refused.code) == (409, "invalid_transition")


def test_nobody_revokes_another_tenants_link(world: World) -> None:
    tulips, bakery = Shop.open(world, "tulips"), Shop.open(world, "bakery")
    made = expect(201, tulips.operator.post(links(tulips.invoice()), {}))

    refused = refuse(world, lambda: bakery.operator.post(f"/v1/pay-links/{made['id']}/revoke"))

    assert refused == (404, "not_found")


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
