"""The queue of runs: Stripe's payments are compared with the books, healed, or named as breaks."""

from collections.abc import Callable

import pytest

from payments.doors.stripe_api import transport
from payments.edge import runtime
from tests.doubles.invocations import record
from tests.functions import refusals
from tests.functions.shop import Shop, connected_twice, expect
from tests.functions.world import Died, Json, World


def ask(shop: Shop, mode: str = "heal", **window: str) -> str:
    body = {"account": shop.account["id"], "mode": mode, **window}
    return str(expect(202, shop.operator.post("/v1/reconciliation/runs", body))["id"])


def carry_out(shop: Shop) -> list[str]:
    return shop.world.work("reconcile_account", *shop.world.messages("reconciliations"))


def reconcile(shop: Shop, mode: str = "heal", **window: str) -> Json:
    """Ask for a run, carry it out and return it."""
    run = ask(shop, mode, **window)
    assert carry_out(shop) == []
    return read(shop, run)


def read(shop: Shop, run: str) -> Json:
    return expect(200, shop.operator.get(f"/v1/reconciliation/runs/{run}"))


def breaks(shop: Shop) -> list[Json]:
    return list(expect(200, shop.operator.get("/v1/reconciliation/breaks"))["data"])


def figures(run: Json) -> tuple[int, int, int, dict[str, int], int]:
    assert run["status"] == "done"
    return run["checked"], run["matched"], run["healed"], run["breaks"], run["residual"]


@pytest.fixture
def missed(shop: Shop) -> Json:
    """Give an invoice that was paid while nobody was told, beside one that was booked."""
    shop.pay(shop.invoice())
    shop.world.deliver()
    shop.world.control("webhooks", mode="drop")
    invoice = shop.invoice()
    shop.pay(invoice)
    return invoice


def test_the_payment_of_another_connection_is_left_to_its_own_run(shop: Shop, missed: Json) -> None:
    second = connected_twice(shop)
    asked = shop.admin.post("/v1/reconciliation/runs", {"account": second})

    assert carry_out(shop) == []

    assert figures(read(shop, expect(202, asked)["id"])) == (1, 1, 0, {}, 0)
    assert breaks(shop) == []
    assert figures(reconcile(shop)) == (2, 1, 1, {}, 0)
    assert shop.read(missed)["status"] == "paid"


def test_a_payment_that_no_webhook_told_of_is_found_and_booked(shop: Shop, missed: Json) -> None:
    assert figures(reconcile(shop)) == (2, 1, 1, {}, 0)

    seen = shop.read(missed)
    assert (seen["status"], seen["payments"][0]["note"]["last4"]) == ("paid", "4242")
    assert seen["attempts"][0]["status"] == "succeeded"
    assert shop.world.booked() == [4000, 4000]


def test_a_second_run_finds_all_matched(shop: Shop, missed: Json) -> None:
    reconcile(shop)

    assert figures(reconcile(shop)) == (2, 2, 0, {}, 0)


def test_a_report_only_looks(shop: Shop, missed: Json) -> None:
    run = reconcile(shop, "report")

    assert figures(run) == (2, 1, 0, {"missing_payment": 1}, 1)
    assert shop.read(missed)["status"] == "open"
    (named,) = breaks(shop)
    intent = shop.world.truth(shop.account)["payment_intents"][-1]["id"]
    assert (named["type"], named["stripe_id"]) == ("missing_payment", intent)
    assert (named["run"], named["status"]) == (run["id"], "open")


def test_a_break_is_named_once_however_often_it_is_found(shop: Shop, missed: Json) -> None:
    for _ in range(3):
        reconcile(shop, "report")

    assert len(breaks(shop)) == 1


@pytest.fixture
def returned(shop: Shop) -> Json:
    """Give an invoice of which 5.00 were given back in the Dashboard while nobody was told."""
    invoice = shop.invoice()
    shop.pay(invoice)
    shop.world.deliver()
    shop.world.control("webhooks", mode="drop")
    (charge,) = shop.world.truth(shop.account)["charges"]
    shop.world.at_stripe("POST", "/v1/refunds", charge=charge["id"], amount="500")
    return invoice


def test_a_refund_made_in_the_dashboard_is_found_and_booked(shop: Shop, returned: Json) -> None:
    assert figures(reconcile(shop)) == (2, 1, 1, {}, 0)

    assert shop.read(returned)["amounts"]["refunded"] == 500
    assert figures(reconcile(shop)) == (2, 2, 0, {}, 0)


def test_a_refund_that_is_not_booked_is_named_in_a_report(shop: Shop, returned: Json) -> None:
    assert figures(reconcile(shop, "report")) == (2, 1, 0, {"missing_refund": 1}, 1)

    (refund,) = shop.world.truth(shop.account)["refunds"]
    assert (breaks(shop)[0]["type"], breaks(shop)[0]["stripe_id"]) == (
        "missing_refund",
        refund["id"],
    )
    assert shop.read(returned)["amounts"]["refunded"] == 0


def test_a_refund_over_another_amount_than_booked_is_a_break(shop: Shop, returned: Json) -> None:
    reconcile(shop)
    (key,) = [key for key in shop.world.dynamo.rows if key[1].startswith("REFUND#")]
    shop.world.dynamo.rows[key] = shop.world.dynamo.rows[key] | {"amount": {"N": "499"}}

    assert figures(reconcile(shop)) == (2, 1, 0, {"refund_mismatch": 1}, 1)


def test_a_refund_of_a_payment_that_nobody_told_of_is_booked_with_it(
    shop: Shop, missed: Json
) -> None:
    charge = shop.world.truth(shop.account)["charges"][-1]
    shop.world.at_stripe("POST", "/v1/refunds", charge=charge["id"])

    assert figures(reconcile(shop)) == (3, 1, 2, {}, 0)
    assert shop.read(missed)["status"] == "refunded"


def test_a_dispute_that_is_booked_matches(shop: Shop) -> None:
    shop.pay(shop.invoice(), "createDispute")
    shop.world.deliver()

    assert figures(reconcile(shop)) == (2, 2, 0, {}, 0)


def test_a_dispute_that_no_webhook_told_of_is_booked_and_so_is_its_end(shop: Shop) -> None:
    shop.world.control("webhooks", mode="drop")
    invoice = shop.invoice()
    shop.pay(invoice, "createDispute")

    assert figures(reconcile(shop)) == (2, 0, 2, {}, 0)
    seen = shop.read(invoice)
    assert (seen["status"], seen["facets"]["exception"]) == ("paid", "disputed")

    shop.world.at_stripe("POST", f"/v1/disputes/{seen['disputes'][0]['stripe_id']}/close")
    assert figures(reconcile(shop)) == (2, 1, 1, {}, 0)
    assert shop.read(invoice)["facets"]["exception"] == "charged_back"
    assert figures(reconcile(shop)) == (2, 2, 0, {}, 0)


def test_a_report_names_a_dispute_that_is_not_booked(shop: Shop) -> None:
    shop.world.control("webhooks", mode="drop")
    shop.pay(shop.invoice(), "createDispute")

    found = figures(reconcile(shop, "report"))

    assert found == (2, 0, 0, {"missing_payment": 1, "dispute_not_booked": 1}, 2)
    (dispute,) = shop.world.truth(shop.account)["disputes"]
    named = {each["type"]: each["stripe_id"] for each in breaks(shop)}
    assert named["dispute_not_booked"] == dispute["id"]


def test_a_dispute_that_contradicts_the_books_is_a_break(shop: Shop) -> None:
    shop.pay(shop.invoice(), "createDispute")
    shop.world.deliver()
    (dispute,) = shop.world.truth(shop.account)["disputes"]
    scope = shop.world.standin.store.scope_of("dispute", dispute["id"])
    shop.world.standin.store.update(scope, dispute | {"status": "warning_closed"})

    assert figures(reconcile(shop)) == (2, 1, 0, {"dispute_mismatch": 1}, 1)


def test_a_payment_whose_attempt_is_nowhere_is_a_break(shop: Shop, missed: Json) -> None:
    shop.sell_elsewhere(tenant="tulips", invoice=missed["id"], attempt="att_nowhere")

    assert figures(reconcile(shop)) == (3, 1, 1, {"unknown_attempt": 1}, 1)
    assert shop.read(missed)["amounts"]["paid"] == 4000


def test_a_payment_that_contradicts_its_attempt_is_a_break(shop: Shop, missed: Json) -> None:
    intent = shop.world.truth(shop.account)["payment_intents"][-1]
    scope = shop.world.standin.store.scope_of("payment_intent", intent["id"])
    shop.world.standin.store.update(scope, intent | {"currency": "usd"})

    assert figures(reconcile(shop)) == (2, 1, 0, {"contradiction": 1}, 1)


def test_an_amount_that_differs_is_a_break(shop: Shop, missed: Json) -> None:
    reconcile(shop)
    keys = [key for key in shop.world.dynamo.rows if key[1].startswith("PAYMENT#")]
    row = shop.world.dynamo.rows[keys[-1]]
    shop.world.dynamo.keep(row | {"gross": {"N": "3999"}})

    assert figures(reconcile(shop)) == (2, 1, 0, {"amount_mismatch": 1}, 1)


def test_a_fee_that_was_not_known_is_healed_and_reported_as_missing(shop: Shop) -> None:
    shop.save_card()
    shop.world.control("webhooks", mode="drop")
    expect(201, shop.charge(shop.invoice()))
    shop.world.wait_for_books()

    assert figures(reconcile(shop, "report")) == (1, 0, 0, {"missing_fee": 1}, 1)
    assert figures(reconcile(shop)) == (1, 0, 1, {}, 0)
    assert figures(reconcile(shop)) == (1, 1, 0, {}, 0)


def test_what_the_merchant_sells_elsewhere_is_not_counted(shop: Shop) -> None:
    shop.sell_elsewhere()

    assert figures(reconcile(shop)) == (0, 0, 0, {}, 0)


def test_only_the_window_is_looked_at(shop: Shop, missed: Json) -> None:
    shop.world.advance(days=2)

    window = {"from": "2026-09-22T00:00:00Z", "to": "2026-09-23T00:00:00+02:00"}
    assert figures(reconcile(shop, **window)) == (0, 0, 0, {}, 0)
    assert figures(reconcile(shop, to="2026-09-21T14:00:00Z")) == (0, 0, 0, {}, 0)
    assert figures(reconcile(shop)) == (2, 1, 1, {}, 0)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Stripe's lists have two entries a page."""
    monkeypatch.setattr(transport, "PAGE", 2)


@pytest.mark.usefixtures("small_pages")
def test_page_after_page_is_compared(shop: Shop) -> None:
    shop.world.control("webhooks", mode="drop")
    for _ in range(5):
        shop.pay(shop.invoice())

    assert figures(reconcile(shop)) == (5, 0, 5, {}, 0)
    assert shop.world.booked() == [4000] * 5


@pytest.mark.usefixtures("small_pages")
def test_a_run_that_dies_between_two_pages_goes_on_and_counts_once(shop: Shop) -> None:
    shop.world.control("webhooks", mode="drop")
    for _ in range(5):
        shop.pay(shop.invoice())
    run = ask(shop)
    (message,) = list(shop.world.messages("reconciliations"))

    for step in (12, 12, 12):
        shop.world.gate.arm(step, "after")
        with pytest.raises(Died):
            shop.world.work("reconcile_account", message)
    shop.world.gate.arm(None)
    assert shop.world.work("reconcile_account", message) == []

    checked, matched, healed, found, residual = figures(read(shop, run))
    assert (checked, matched + healed, found, residual) == (5, 5, {}, 0)
    assert shop.world.booked() == [4000] * 5


def test_without_time_the_run_queues_itself_again(shop: Shop, missed: Json) -> None:
    run = ask(shop)
    shop.world.remaining_ms = 50_000

    assert carry_out(shop) == []
    assert read(shop, run)["status"] == "queued"

    shop.world.remaining_ms = None
    assert carry_out(shop) == []
    assert figures(read(shop, run)) == (2, 1, 1, {}, 0)


def test_a_message_twice_carries_out_once(shop: Shop, missed: Json) -> None:
    run = ask(shop)
    (message,) = list(shop.world.messages("reconciliations"))

    assert shop.world.work("reconcile_account", message, message) == []

    assert figures(read(shop, run)) == (2, 1, 1, {}, 0)


def test_a_key_that_stripe_refuses_is_a_failed_run_with_its_reason(
    shop: Shop, missed: Json
) -> None:
    run = ask(shop)
    shop.world.control("keys", key="sk_test_" + "tulips" * 4, revoked=True)

    assert carry_out(shop) == []

    failed = read(shop, run)
    assert (failed["status"], failed["residual"]) == ("failed", 0)
    assert failed["status_reason"] == "Stripe refuses the account's key."


def test_stripe_out_of_reach_makes_the_run_come_again(shop: Shop, missed: Json) -> None:
    run = ask(shop)
    messages = list(shop.world.messages("reconciliations"))
    shop.world.fail("/v1/payment_intents", "500", "500", method="GET")

    assert len(shop.world.work("reconcile_account", *messages)) == 1
    assert shop.world.work("reconcile_account", *messages) == []

    assert figures(read(shop, run)) == (2, 1, 1, {}, 0)


def test_a_scheduled_run_heals_without_being_asked(shop: Shop, missed: Json) -> None:
    shop.world.run("reconcile_accounts", {})

    assert carry_out(shop) == []

    (run,) = expect(200, shop.operator.get("/v1/reconciliation/runs"))["data"]
    assert figures(run) == (2, 1, 1, {}, 0)
    assert shop.read(missed)["status"] == "paid"


def test_a_run_of_nobody_comes_again(world: World, sample: Callable[[str], Json]) -> None:
    stranger = record({"tenant": "bakery", "run": "run_nobody"}, "stranger")
    ident = sample("reconcile_account")["Records"][0]["messageId"]

    assert world.work("reconcile_account", stranger) == ["stranger"]
    assert world.work("reconcile_account", *sample("reconcile_account")["Records"]) == [ident]


def test_a_break_that_a_later_run_heals_is_closed_by_it(shop: Shop, missed: Json) -> None:
    reconcile(shop, "report")
    assert breaks(shop)[0]["status"] == "open"

    run = reconcile(shop)

    (closed,) = breaks(shop)
    assert (closed["status"], closed["resolution"]) == ("resolved", "agrees")
    assert figures(run) == (2, 1, 1, {}, 0)


def test_a_break_older_than_the_window_is_looked_at_again(shop: Shop, missed: Json) -> None:
    reconcile(shop, "report")
    shop.world.advance(days=40)

    run = reconcile(shop)

    (closed,) = breaks(shop)
    assert (closed["status"], closed["resolution"]) == ("resolved", "healed")
    assert (run["checked"], run["healed"], run["residual"]) == (0, 1, 0)
    assert shop.read(missed)["status"] == "paid"


def test_a_break_that_stays_is_open_until_somebody_accepts_it(shop: Shop, missed: Json) -> None:
    shop.sell_elsewhere(tenant="tulips", invoice=missed["id"], attempt="att_nowhere")
    reconcile(shop)
    assert figures(reconcile(shop)) == (3, 2, 0, {"unknown_attempt": 1}, 1)
    (left,) = breaks(shop)
    path = f"/v1/reconciliation/breaks/{left['id']}/resolve"
    body = {"action": "accept", "note": "Sold over the counter"}

    assert shop.operator.post(path, body).status == 403
    accepted = expect(200, shop.admin.post(path, body))
    again = expect(200, shop.admin.post(path, body | {"note": "Another"}))

    assert (accepted["resolution"], accepted["note"]) == ("accepted", "Sold over the counter")
    assert again == accepted
    reconcile(shop)
    assert breaks(shop) == [accepted]
    assert refusals.foreign(shop, path, body, "POST") == (404, "not_found")


def test_a_break_that_never_holds_still_is_not_said_to_be_accepted(
    shop: Shop, missed: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sell_elsewhere(tenant="tulips", invoice=missed["id"], attempt="att_nowhere")
    reconcile(shop)
    (left,) = breaks(shop)
    shop.world.never_still("BREAK", monkeypatch)

    path = f"/v1/reconciliation/breaks/{left['id']}/resolve"
    refused = shop.admin.post(path, {"action": "accept", "note": "Sold over the counter"})

    assert (refused.status, refused.code) == (503, "too_much_contention")


def test_a_break_that_comes_back_is_open_again(shop: Shop, missed: Json) -> None:
    shop.sell_elsewhere(tenant="tulips", invoice=missed["id"], attempt="att_nowhere")
    reconcile(shop)
    store, (left,) = runtime.store(), breaks(shop)
    named = store.find_break("tulips", left["id"])
    assert named
    store.save(named.resolve("agrees", shop.world.now(), "run_1"), named)

    reconcile(shop)

    assert [each["status"] for each in breaks(shop)] == ["open"]
