"""/v1/invoices: create, read, change, finalize and void."""

import re
from typing import Any

import pytest

from tests.functions import refusals
from tests.functions.refusals import ALWAYS, Bad, invalid, refuse, refuse_body, without
from tests.functions.shop import Shop, expect
from tests.functions.world import Died, Json, World

PATH = "/v1/invoices"


def one(invoice: Json, tail: str = "") -> str:
    return f"{PATH}/{invoice['id']}{tail}"


def patch(shop: Shop, invoice: Json, body: Json, seen: str | None = None) -> Any:
    headers = {} if seen is None else {"if-match": seen}
    return shop.operator.send("PATCH", one(invoice), body, headers=headers)


def test_an_invoice_is_created_as_the_contract_shows(shop: Shop) -> None:
    body = shop.order(number="2026-001")

    invoice = expect(201, shop.storefront.post(PATH, body))

    assert re.fullmatch("inv_[0-9a-z]{26}", invoice["id"])
    shown = {
        name: invoice[name] for name in ("number", "status", "version", "payments", "attempts")
    }
    assert shown == {
        "number": "2026-001",
        "status": "open",
        "version": 1,
        "payments": [],
        "attempts": [],
    }
    assert invoice["amounts"] == {
        "currency": "eur",
        "total": 4000,
        "paid": 0,
        "refunded": 0,
        "refund_pending": 0,
        "charged_back": 0,
        "credited": 0,
        "surcharged": 0,
        "outstanding": 4000,
        "reserved": 0,
        "collectable": 4000,
    }
    assert invoice["facets"] == {"collection": "idle", "exception": "none"}
    assert shop.read(invoice) == invoice


def test_tax_is_kept_as_given_and_never_computed(shop: Shop) -> None:
    line = {"description": "Tulips", "quantity": 3, "unit_amount": 1000}
    lines = [
        line | {"tax_rate": "8.875", "tax_amount": 266},
        line | {"quantity": 1, "tax_rate": 19},
    ]

    invoice = shop.invoice(lines=lines)

    assert invoice["amounts"]["total"] == 3 * 1000 + 266 + 1000
    assert [entry["tax_amount"] for entry in invoice["lines"]] == [266, None]
    assert invoice["lines"][0]["tax_rate"] in {"8.875", 8.875}


def test_a_total_without_lines_is_enough(shop: Shop) -> None:
    assert shop.invoice(lines=None, total=1234)["amounts"]["total"] == 1234


def test_a_total_that_agrees_with_the_lines_is_accepted(shop: Shop) -> None:
    assert shop.invoice(total=4000)["amounts"]["total"] == 4000


@pytest.mark.parametrize(("currency", "total"), [("jpy", 1), ("kwd", 1230), ("isk", 100)])
def test_currencies_count_as_stripe_counts_them(shop: Shop, currency: str, total: int) -> None:
    invoice = shop.invoice(lines=None, total=total, currency=currency)

    assert invoice["amounts"]["total"] == total


def test_a_key_twice_makes_one_invoice(shop: Shop) -> None:
    good = shop.order()

    first = refusals.use_key_twice(shop.storefront, PATH, good, good | {"number": "other"})

    assert [entry["id"] for entry in shop.storefront.get(PATH).json["data"]] == [first.json["id"]]


def test_one_key_means_another_thing_to_another_tenant(shop: Shop) -> None:
    bakery = Shop.open(shop.world, "bakery")

    mine = expect(201, shop.storefront.post(PATH, shop.order(number="1"), key="k"))
    theirs = expect(201, bakery.storefront.post(PATH, bakery.order(number="1"), key="k"))

    assert mine["id"] != theirs["id"]


def test_a_number_is_an_invoices_own(shop: Shop) -> None:
    shop.invoice(number="2026-001")

    refused = refuse(shop.world, lambda: shop.storefront.post(PATH, shop.order(number="2026-001")))

    assert refused == (409, "number_taken")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_creation_cut_short_anywhere_ends_with_one_invoice(shop: Shop, moment: str) -> None:
    shop.world.gate.arm(None)
    shop.invoice()

    for step in range(len(shop.world.gate.passed)):
        body, key = shop.order(), f"key {step}"
        shop.world.gate.arm(step, moment)
        with pytest.raises(Died):
            shop.storefront.post(PATH, body, key=key)
        shop.world.gate.arm(None)
        shop.world.advance(minutes=2)
        made = expect(201, shop.storefront.post(PATH, body, key=key))
        found = expect(200, shop.storefront.get(PATH, number=body["number"]))["data"]
        assert [entry["id"] for entry in found] == [made["id"]], step


LINE = {"description": "Tulips", "quantity": 2, "unit_amount": 2000}


def line(name: str, **changes: Any) -> Bad:
    return invalid(name, {"lines": [LINE | changes]})


BAD = (
    *ALWAYS,
    *(without(name) for name in ("number", "customer", "currency")),
    invalid("empty number", {"number": ""}),
    invalid("number with a line break", {"number": "1\n2"}),
    invalid("endless number", {"number": "1" + "x" * 200}),
    invalid("neither lines nor total", {"lines": []}),
    invalid("total that differs from the lines", {"total": 4001}),
    *(
        invalid(f"total {total!r}", {"lines": [], "total": total})
        for total in (0, -1, 1.5, 4000.0, "4000", True, 1_000_000_000_000, {"amount": 1})
    ),
    line("line over nothing", unit_amount=0),
    line("negative unit amount", unit_amount=-2000),
    line("float unit amount", unit_amount=20.5),
    line("unit amount in words", unit_amount="2000"),
    line("no quantity", quantity=0),
    line("half a quantity", quantity=0.5),
    line("endless quantity", quantity=10**7),
    line("negative tax", tax_amount=-1),
    *(
        line(f"tax rate {rate!r}", tax_rate=rate)
        for rate in (101, -1, True, 0.1 + 0.2, "NaN", "1E+1", " 5 ", "\u0663", "-0", "19 %", "")
    ),
    line("unknown field in a line", discount=1),
    line("line without words", description=""),
    invalid("card number in a line", {"lines": [LINE | {"description": refusals.PAN}]},
            "pan_detected"),
    invalid("201 lines", {"lines": [LINE] * 201}),
    invalid("currency in capitals", {"currency": "EUR"}),
    invalid("currency of four letters", {"currency": "euro"}),
    invalid("currency that is none", {"currency": "xyz"}, "currency_not_supported"),
    invalid("fils that no card can pay", {"currency": "kwd", "lines": [], "total": 1234},
            "amount_not_representable"),
    invalid("half a krona", {"currency": "isk", "lines": [], "total": 150},
            "amount_not_representable"),
    invalid("due that is no date", {"due": "soon"}),
    invalid("due in seconds", {"due": 86400}),
    invalid("due in seconds as text", {"due": "86400"}),
    invalid("due without dashes", {"due": "20261231"}),
    invalid("due that is no day", {"due": "2026-02-30"}),
    invalid("draft in words", {"draft": "yes"}),
    invalid("part payments in words", {"allow_partial": "yes"}),
    invalid("least part of nothing", {"min_partial": 0}),
    invalid("a status of their own", {"status": "paid"}),
    invalid("a tenant of their own", {"tenant": "bakery"}),
    invalid("customer that leaves its place", {"customer": "c#1"}),
    Bad("a customer that nobody has", 404, "not_found", {"customer": "c-nobody"}),
    Bad("a module that nobody has", 404, "not_found", {"module": "mod_nobody"}),
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_cannot_be_an_invoice_is_refused(showroom: Shop, bad: Bad) -> None:
    good = showroom.order()

    assert refuse_body(showroom.storefront, "POST", PATH, good, bad) == (bad.status, bad.code)


def test_lines_that_sum_to_more_than_stripe_charges_are_never_a_bug(showroom: Shop) -> None:
    lines = [LINE | {"quantity": 1_000_000, "unit_amount": 99_999_999}] * 200

    answer = showroom.storefront.post(PATH, showroom.order(lines=lines))

    assert (answer.status, answer.code) == (422, "amount_too_large"), answer.text


def test_who_was_not_granted_the_module_makes_no_invoice_for_it(showroom: Shop) -> None:
    refused = refuse(showroom.world, lambda: showroom.admin.post(PATH, showroom.order()))

    assert refused == (403, "permission_denied")


def test_part_payments_need_a_module_that_offers_them(world: World) -> None:
    shop = Shop.open(world, "tulips", partial=False)

    refused = refuse(world, lambda: shop.storefront.post(PATH, shop.order()))

    assert refused == (403, "feature_disabled")


def test_another_tenants_customer_module_and_invoice_do_not_exist(shop: Shop) -> None:
    bakery, invoice = Shop.open(shop.world, "bakery"), shop.invoice()
    shop.customer("c-tulips")
    for changes in ({"customer": "c-tulips"}, {"module": shop.module["id"]}):
        order = bakery.order(**changes)
        refused = refuse(shop.world, lambda order=order: bakery.storefront.post(PATH, order))
        assert refused == (404, "not_found")

    assert refusals.foreign(shop, one(invoice)) == (404, "not_found")
    for tail in ("/void", "/finalize"):
        assert refusals.foreign(shop, one(invoice, tail), None, "POST") == (404, "not_found")
    assert shop.world.client("bakery").get(PATH).json["data"] == []


def test_an_invoice_of_another_tenant_is_not_patched(shop: Shop) -> None:
    invoice = shop.invoice()
    stranger = shop.world.client("bakery")

    refused = refuse(
        shop.world,
        lambda: stranger.send("PATCH", one(invoice), {"due": None}, headers={"if-match": '"1"'}),
    )

    assert refused == (404, "not_found")


FILTERS = (
    ({"status": "paid"}, ["b"]),
    ({"status": "open"}, ["d", "c", "a"]),
    ({"customer": "c-2"}, ["c"]),
    ({"order_ref": "o-1"}, ["d", "a"]),
    ({"number": "b"}, ["b"]),
    ({"due_before": "2026-10-02"}, ["d", "a"]),
    ({"due_before": "2026-10-01"}, ["d"]),
    ({"order_ref": "o-1", "due_before": "2026-10-01"}, ["d"]),
    ({"status": "void"}, []),
    ({}, ["d", "c", "b", "a"]),
)


@pytest.fixture(scope="module")
def shelf(showroom: Shop) -> Shop:
    """Give four invoices: one paid, one of another customer, two of one order."""
    showroom.customer("c-2")
    showroom.invoice(number="a", order_ref="o-1", due="2026-10-01")
    paid = showroom.invoice(number="b", due="2026-12-01")
    showroom.invoice(number="c", customer="c-2")
    showroom.invoice(number="d", order_ref="o-1", due="2026-09-01")
    showroom.pay(paid)
    showroom.world.deliver()
    return showroom


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize(("query", "numbers"), FILTERS, ids=str)
def test_invoices_are_found_by_every_filter_page_by_page(
    shelf: Shop, query: Json, numbers: list[str], limit: int
) -> None:
    seen, cursor = [], {}
    while True:
        page = expect(200, shelf.storefront.get(PATH, limit=limit, **query, **cursor))
        assert len(page["data"]) <= limit
        seen += [invoice["number"] for invoice in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert seen == numbers


QUERIES = (
    {"limit": 0},
    {"limit": 101},
    {"limit": "ten"},
    {"status": "unpaid"},
    {"due_before": "soon"},
    {"due_before": "86400"},
    {"customer": "x" * 65},
    {"customer": ""},
    {"order_ref": ""},
    {"number": ""},
    {"number": "x" * 201},
    {"cursor": "x" * 65},
)


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_filter_that_cannot_be_is_refused(showroom: Shop, query: Json) -> None:
    refused = refuse(showroom.world, lambda: showroom.storefront.get(PATH, **query))

    assert refused == (422, "validation_failed")


def test_a_card_number_in_a_filter_or_the_address_is_refused(showroom: Shop) -> None:
    for send in (
        lambda: showroom.storefront.get(PATH, number=refusals.PAN),
        lambda: showroom.storefront.get(PATH, order_ref="4242 4242 4242 4242"),
        lambda: showroom.storefront.get(f"{PATH}/{refusals.PAN}"),
    ):
        assert refuse(showroom.world, send) == (422, "pan_detected")


def test_a_change_needs_the_version_that_was_seen(shop: Shop) -> None:
    invoice = shop.invoice()
    etag = shop.storefront.get(one(invoice)).headers["etag"]
    assert etag == '"1"'

    changed = patch(shop, invoice, {"order_ref": "o-2", "due": "2026-10-01"}, etag)

    assert (changed.status, changed.headers["etag"]) == (200, '"2"')
    assert (changed.json["order_ref"], changed.json["due"]) == ("o-2", "2026-10-01")
    assert shop.read(invoice) == changed.json


@pytest.mark.parametrize(
    ("seen", "status", "code"),
    [
        (None, 428, "precondition_required"),
        ('"2"', 412, "version_mismatch"),
        ('"0"', 412, "version_mismatch"),
        ('W/"9"', 412, "version_mismatch"),
        ("*", 422, "validation_failed"),
        ('"one"', 422, "validation_failed"),
        ('"1", "2"', 422, "validation_failed"),
        ("٣", 422, "validation_failed"),
        ("9" * 5000, 422, "validation_failed"),
    ],
)
def test_a_change_of_what_was_not_seen_is_refused(
    showroom: Shop, seen: str | None, status: int, code: str
) -> None:
    invoice = showroom.invoice()

    refused = refuse(showroom.world, lambda: patch(showroom, invoice, {"due": None}, seen))

    assert refused == (status, code)


def test_a_weak_etag_is_understood(shop: Shop) -> None:
    assert patch(shop, shop.invoice(), {"due": "2026-10-01"}, 'W/"1"').status == 200


def test_of_two_changes_of_one_version_the_second_is_refused(shop: Shop) -> None:
    invoice = shop.invoice()

    assert patch(shop, invoice, {"due": "2026-10-01"}, '"1"').status == 200
    assert patch(shop, invoice, {"due": "2026-10-02"}, '"1"').status == 412


def test_what_was_not_named_stays_and_null_takes_away(shop: Shop) -> None:
    invoice = shop.invoice(order_ref="o-1", due="2026-10-01")

    changed = patch(shop, invoice, {"due": None}, '"1"').json

    assert (changed["due"], changed["order_ref"], changed["allow_partial"]) == (None, "o-1", True)


PATCHES = (
    *(bad for bad in ALWAYS if bad.name not in {"nothing", "null"}),
    invalid(
        "a total beside lines", {"total": 1, "lines": [{"description": "a", "unit_amount": 2}]}
    ),
    invalid("no lines", {"lines": []}),
    invalid("a total of nothing", {"total": 0}),
    invalid("new lines", {"lines": []}),
    invalid("a new currency", {"currency": "usd"}),
    invalid("a new number", {"number": "2"}),
    invalid("a version", {"version": 7}),
    invalid("paid", {"settled": 4000}),
    invalid("no word on part payments", {"allow_partial": None}),
    invalid("part payments in words", {"allow_partial": "no"}),
    invalid("due that is no date", {"due": "soon"}),
    invalid("empty order reference", {"order_ref": ""}),
)


@pytest.fixture(scope="module")
def untouched(showroom: Shop) -> Json:
    """Give an invoice at version 1."""
    return showroom.invoice()


@pytest.mark.parametrize("bad", PATCHES, ids=str)
def test_what_cannot_be_changed_is_refused(showroom: Shop, untouched: Json, bad: Bad) -> None:
    text, headers = bad.text({"due": "2026-10-01"}), {"if-match": '"1"', **bad.headers}

    refused = refuse(
        showroom.world,
        lambda: showroom.operator.send("PATCH", one(untouched), raw=text, headers=headers),
    )

    assert refused == (bad.status, bad.code)


def test_a_draft_is_finalized_once(shop: Shop) -> None:
    invoice = shop.invoice(draft=True)
    assert invoice["status"] == "draft"

    answer = shop.storefront.post(one(invoice, "/finalize"))

    assert (answer.status, answer.json["status"], answer.headers["etag"]) == (200, "open", '"2"')
    refused = refuse(shop.world, lambda: shop.storefront.post(one(invoice, "/finalize")))
    assert refused == (409, "invalid_transition")


def test_a_void_ends_the_open_session_at_stripe_first(shop: Shop) -> None:
    invoice = shop.invoice()
    url = shop.session(invoice)

    answer = shop.operator.post(one(invoice, "/void"))

    assert (answer.status, answer.json["status"]) == (200, "void")
    assert answer.json["amounts"]["reserved"] == 0
    assert shop.world.press(url).status == 410
    assert shop.read(invoice)["attempts"][0]["status"] == "expired"


def test_a_void_that_comes_after_the_payer_books_the_payment(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.pay(invoice)

    answer = shop.operator.post(one(invoice, "/void"))

    assert answer.status == 409
    assert shop.read(invoice)["status"] == "paid"
    assert shop.world.booked() == [4000]


def test_a_void_while_a_charge_is_unclear_is_refused(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.world.fail("/v1/payment_intents/*/confirm", "timeout_applied", "timeout_lost")
    expect(202, shop.charge(invoice))

    refused = refuse(shop.world, lambda: shop.operator.post(one(invoice, "/void")))

    assert refused == (409, "payment_in_progress")


def test_a_void_while_stripe_is_silent_is_refused_and_leaves_the_invoice(shop: Shop) -> None:
    invoice = shop.invoice()
    shop.session(invoice)
    before = shop.read(invoice)
    shop.world.fail("/v1/checkout/sessions/*", "timeout_lost", "timeout_lost")

    refused = shop.operator.post(one(invoice, "/void"))

    assert (refused.status, refused.code) == (409, "payment_in_progress")
    assert shop.read(invoice) == before


def test_a_paid_partly_paid_or_void_invoice_is_not_voided(shop: Shop) -> None:
    shop.save_card()
    paid, partly, void = shop.invoice(), shop.invoice(), shop.invoice()
    expect(201, shop.charge(paid))
    expect(201, shop.charge(partly, amount=1500))
    expect(200, shop.operator.post(one(void, "/void")))

    for invoice in (paid, partly, void):
        path = one(invoice, "/void")
        refused = refuse(shop.world, lambda path=path: shop.operator.post(path))
        assert refused == (409, "invalid_transition")


@pytest.mark.parametrize("settle_as", ["reopen", "credit_note"])
def test_an_invoice_whose_money_was_given_back_is_not_voided_for_it_may_return(
    shop: Shop, settle_as: str
) -> None:
    shop.save_card("refundFail")
    invoice = shop.invoice()
    payment = expect(201, shop.charge(invoice))["payment"]
    path = f"/v1/payments/{payment['id']}/refunds"
    expect(201, shop.operator.post(path, {"settle_as": settle_as}))

    refused = refuse(shop.world, lambda: shop.operator.post(one(invoice, "/void")))

    assert refused == (409, "invalid_transition")
    shop.world.advance(minutes=5)
    shop.world.truth(shop.account)
    shop.world.deliver()
    seen = shop.read(invoice)
    assert (seen["status"], seen["amounts"]["paid"]) == ("paid", 4000)


def test_an_invoice_that_was_given_up_is_not_voided_too(shop: Shop) -> None:
    invoice = shop.invoice()
    expect(200, shop.operator.post(one(invoice, "/uncollectible")))

    refused = refuse(shop.world, lambda: shop.operator.post(one(invoice, "/void")))

    assert refused == (409, "invalid_transition")
    balance = expect(200, shop.operator.get("/v1/ledger/trial-balance"))
    owed = [row for row in balance["data"] if row["account"] == "ar:c-1"]
    assert [row["balance"] for row in owed] in ([], [0])


def test_a_void_or_paid_invoice_is_not_changed(shop: Shop) -> None:
    invoice = shop.invoice()
    expect(200, shop.operator.post(one(invoice, "/void")))

    refused = refuse(shop.world, lambda: patch(shop, invoice, {"due": "2026-10-01"}, '"2"'))

    assert refused == (409, "invalid_transition")


def test_an_invoice_of_nobody_is_not_found(showroom: Shop) -> None:
    nobody = {"id": "inv_nobody"}
    for send in (
        lambda: showroom.operator.get(one(nobody)),
        lambda: patch(showroom, nobody, {"due": None}, '"1"'),
        lambda: showroom.operator.post(one(nobody, "/void")),
        lambda: showroom.operator.post(one(nobody, "/finalize")),
    ):
        assert refuse(showroom.world, send) == (404, "not_found")
