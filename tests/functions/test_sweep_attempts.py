"""Every two minutes: what a request left behind is asked about at Stripe and brought to an end."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from payments.doors.gateway import Gateway
from payments.doors.table import Table
from payments.edge.batches import RunFailed
from payments.facts.stripe_objects import Intent
from tests.functions.books import sweep
from tests.functions.shop import Shop, expect
from tests.functions.signing import a_body, deliver
from tests.functions.world import Died, Json, World

QUIET = {
    "attempts": 0,
    "refunds": 0,
    "disputes": 0,
    "events": 0,
    "orphans": 0,
    "left": 0,
    "erasures": 0,
}


def left_behind(shop: Shop) -> Json:
    """An invoice whose charge was confirmed, and of which nobody has heard since."""
    shop.world.control("webhooks", mode="deliver")
    shop.save_card()
    shop.world.control("webhooks", mode="drop")
    invoice = shop.invoice()
    shop.world.fail("/v1/payment_intents/*/confirm", "timeout_applied", "timeout_lost")
    assert shop.charge(invoice).status == 202
    # What Stripe's books tell of it is lost as well.
    shop.world.wait_for_books()
    return invoice


def test_nothing_due_asks_nobody_at_stripe(shop: Shop) -> None:
    shop.session(shop.invoice())
    shop.world.gate.arm(None)

    assert sweep(shop) == QUIET

    assert set(shop.world.gate.passed) == {"query"}


def test_an_unknown_outcome_is_found_two_minutes_later(shop: Shop) -> None:
    invoice = left_behind(shop)
    assert sweep(shop) == QUIET

    shop.world.advance(minutes=2)

    assert sweep(shop) == QUIET | {"attempts": 1}
    assert shop.read(invoice)["status"] == "paid"
    assert shop.world.booked() == shop.world.charged(shop.account) == [4000]


def test_swept_twice_books_once(shop: Shop) -> None:
    invoice = left_behind(shop)
    shop.world.advance(minutes=2)

    assert [sweep(shop)["attempts"] for _ in range(2)] == [1, 0]

    assert shop.read(invoice)["amounts"]["paid"] == 4000


def test_an_attempt_that_never_reached_stripe_is_canceled_there_and_here(shop: Shop) -> None:
    shop.save_card()
    invoice = shop.invoice()
    shop.world.fail("/v1/payment_intents", "timeout_lost", "timeout_lost")
    assert shop.charge(invoice).status == 202

    shop.world.advance(minutes=2)
    sweep(shop)

    seen = shop.read(invoice)
    assert (seen["attempts"][0]["status"], seen["amounts"]["collectable"]) == ("canceled", 4000)
    intents = shop.world.truth(shop.account)["payment_intents"]
    assert {intent["status"] for intent in intents} <= {"canceled"}


def test_a_charge_that_stripe_refuses_and_that_died_hearing_so_frees_the_invoice(
    shop: Shop,
) -> None:
    first, second = shop.save_card(), shop.save_card("mastercard")
    for card in (first, second):
        shop.world.at_stripe("POST", f"/v1/payment_methods/{card}/detach")
    dry, invoice = shop.invoice(), shop.invoice()
    shop.world.gate.arm(None)
    assert shop.charge(dry, payment_method=first).code == "not_found"
    step = shop.world.gate.passed.index("POST /v1/payment_intents")
    shop.world.gate.arm(step, "after")
    with pytest.raises(Died):
        shop.charge(invoice, payment_method=second)
    shop.world.gate.arm(None)
    shop.world.advance(minutes=2)

    assert sweep(shop) == QUIET | {"attempts": 1}

    seen = shop.read(invoice)
    assert (seen["amounts"]["reserved"], seen["attempts"][0]["status"]) == (0, "canceled")


def test_a_session_that_ended_unheard_is_applied_or_expired(shop: Shop) -> None:
    shop.world.control("webhooks", mode="drop")
    paid, unpaid = shop.invoice(), shop.invoice()
    shop.pay(paid)
    shop.session(unpaid)

    shop.world.advance(hours=24)
    swept = sweep(shop)

    assert swept == QUIET | {"attempts": 2}
    assert [shop.read(invoice)["status"] for invoice in (paid, unpaid)] == ["paid", "open"]
    assert shop.read(unpaid)["attempts"][0]["status"] == "expired"


def test_a_press_that_died_before_its_session_was_known_leaves_nothing_to_pay(shop: Shop) -> None:
    shop.session(shop.invoice())
    dry, path = shop.link(shop.invoice()), shop.link(invoice := shop.invoice())
    shop.world.gate.arm(None)
    shop.press_pay(dry)
    shop.world.gate.arm(shop.world.gate.passed.index("POST /v1/checkout/sessions"), "after")
    with pytest.raises(Died):
        shop.press_pay(path)
    shop.world.gate.arm(None)

    shop.world.advance(minutes=3)
    sweep(shop)

    open_ones = shop.world.at_stripe("GET", "/v1/checkout/sessions", status="open")["data"]
    assert invoice["id"] not in {session["client_reference_id"] for session in open_ones}
    assert shop.read(invoice)["amounts"]["reserved"] == 0


@pytest.mark.parametrize("broken", ["unheard", "dead"])
def test_a_page_that_was_closed_unheard_frees_its_invoice_at_the_next_sweep(
    shop: Shop, broken: str
) -> None:
    shop.world.control("webhooks", mode="drop")
    dry, invoice = (shop.invoice() for _ in range(2))
    for each in (dry, invoice):
        shop.session(each)
    void = f"/v1/invoices/{invoice['id']}/void"
    if broken == "unheard":
        shop.world.fail("/v1/checkout/sessions/*", "timeout_lost", "timeout_lost", method="GET")
        assert shop.operator.post(void).code == "stripe_unavailable"
    else:
        shop.world.gate.arm(None)
        expect(200, shop.operator.post(f"/v1/invoices/{dry['id']}/void"))
        expired = next(i for i, name in enumerate(shop.world.gate.passed) if "/expire" in name)
        shop.world.gate.arm(expired, "after")
        with pytest.raises(Died):
            shop.operator.post(void)
        shop.world.gate.arm(None)
    assert shop.read(invoice)["amounts"]["reserved"] == 4000

    shop.world.advance(minutes=3)

    assert sweep(shop) == QUIET | {"attempts": 1}
    seen = shop.read(invoice)
    assert (seen["attempts"][0]["status"], seen["amounts"]["reserved"]) == ("expired", 0)


def test_a_page_that_is_closed_while_it_is_opened_is_not_put_off_to_its_end(shop: Shop) -> None:
    """The second press finds the first page by its key, and never hears that it is closed."""
    shop.world.control("webhooks", mode="drop")
    shop.session(shop.invoice())
    invoice = shop.invoice()
    dry, path = shop.link(shop.invoice()), shop.link(invoice)
    shop.world.gate.arm(None)
    shop.press_pay(dry)
    made = shop.world.gate.passed.index("POST /v1/checkout/sessions")

    def press_again() -> None:
        shop.world.fail("/v1/checkout/sessions/*", "timeout_lost", "timeout_lost", method="GET")
        assert shop.world.public.post(f"{path}/pay", key=None).status == 503

    shop.world.gate.arm(None)
    shop.world.gate.before = (made + 1, press_again)
    assert shop.world.public.post(f"{path}/pay", key=None).status == 409

    shop.world.advance(minutes=3)
    sweep(shop)

    assert shop.read(invoice)["amounts"]["reserved"] == 0


def test_what_stripe_cannot_answer_is_left_and_asked_less_and_less_often(shop: Shop) -> None:
    invoice = left_behind(shop)
    shop.world.advance(minutes=2)
    shop.world.fail("/v1/payment_intents/*", *["timeout_lost"] * 40)
    shop.world.fail("/v1/payment_intents/*", *["timeout_lost"] * 40, method="GET")

    assert sweep(shop) == QUIET | {"left": 1}
    assert sweep(shop) == QUIET

    shop.world.standin.faults.clear()
    shop.world.advance(minutes=30)
    assert sweep(shop) == QUIET | {"attempts": 1}
    assert shop.read(invoice)["status"] == "paid"


def test_one_tenants_broken_key_does_not_hold_up_the_others(world: World) -> None:
    tulips, bakery = Shop.open(world, "tulips"), Shop.open(world, "bakery")
    broken, fine = left_behind(tulips), left_behind(bakery)
    world.control("keys", key="sk_test_" + "tulips" * 4, revoked=True)

    world.advance(minutes=2)

    assert sweep(tulips) == QUIET | {"attempts": 1, "left": 1}
    assert tulips.read(broken)["status"] == "open"
    assert bakery.read(fine)["status"] == "paid"


def test_a_bug_in_one_attempt_is_seen_and_does_not_hold_up_the_others(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoices = [left_behind(shop) for _ in range(2)]
    ask, calls = Gateway.intent, count()

    def stumble(gateway: Gateway, intent: str) -> Intent:
        if next(calls) == 0:
            raise TypeError("Bug!")
        return ask(gateway, intent)

    monkeypatch.setattr(Gateway, "intent", stumble)
    shop.world.advance(minutes=2)

    with pytest.raises(RunFailed, match="TypeError"):
        sweep(shop)
    assert sweep(shop) == QUIET | {"attempts": 1}
    shop.world.advance(minutes=30)
    assert sweep(shop) == QUIET | {"attempts": 1}
    assert {shop.read(invoice)["status"] for invoice in invoices} == {"paid"}


@pytest.mark.parametrize("meanwhile", [(), ("timeout_lost", "timeout_lost")])
def test_a_session_that_stripe_is_still_making_is_not_taken_for_none(
    shop: Shop, meanwhile: tuple[str, ...]
) -> None:
    shop.world.control("webhooks", mode="drop")
    invoice = shop.invoice()
    link = shop.link(invoice)
    late = {"method": "POST", "path": "/v1/checkout/sessions", "kind": "applied_later"}
    shop.world.control("faults", **late, delay_s=600)
    assert shop.world.public.post(f"{link}/pay", key=None).status == 409
    shop.world.advance(minutes=3)
    shop.world.fail("/v1/checkout/sessions", *meanwhile)
    assert sweep(shop)["left"] == 1
    assert shop.read(invoice)["amounts"]["reserved"] == 4000

    shop.world.advance(minutes=10)
    shop.world.standin.run_jobs()

    assert sweep(shop) == QUIET | {"attempts": 1}
    assert shop.read(invoice)["amounts"]["reserved"] == 0
    sessions = shop.world.at_stripe("GET", "/v1/checkout/sessions")["data"]
    assert [session["status"] for session in sessions] == ["expired"]


@pytest.mark.parametrize("kind", ["500", "500_applied"])
def test_a_fence_that_stripe_failed_once_is_not_failed_for_the_day_that_it_keeps_a_key(
    shop: Shop, kind: str
) -> None:
    shop.save_card()
    shop.world.control("webhooks", mode="drop")
    charged, pressed = shop.invoice(), shop.invoice()
    shop.world.fail("/v1/payment_intents", "timeout_lost", "timeout_lost")
    expect(202, shop.charge(charged))
    shop.world.fail("/v1/checkout/sessions", "timeout_applied", "timeout_lost")
    shop.world.public.post(f"{shop.link(pressed)}/pay", key=None)
    shop.world.fail("/v1/payment_intents/*/cancel", kind)
    shop.world.fail("/v1/checkout/sessions/*/expire", kind)
    shop.world.advance(minutes=3)
    assert sweep(shop)["left"] == 2

    shop.world.advance(minutes=6)

    assert sweep(shop) == QUIET | {"attempts": 2}
    for invoice in (charged, pressed):
        assert shop.read(invoice)["amounts"]["collectable"] == 4000


def test_a_bank_debit_is_asked_about_once_a_day_and_never_canceled(shop: Shop) -> None:
    invoice = shop.invoice(currency="usd")
    shop.pay(invoice, "pm_usBankAccount")
    shop.world.deliver()
    shop.world.control("webhooks", mode="drop")

    states = []
    for _ in range(4):
        shop.world.advance(days=1)
        assert sweep(shop)["attempts"] == 1
        assert sweep(shop) == QUIET
        states.append(shop.read(invoice)["status"])

    assert (states[0], states[-1]) == ("open", "paid")


@pytest.mark.parametrize("silent_days", [1, 7])
def test_a_bank_debit_that_failed_frees_the_invoice_and_says_why(
    shop: Shop, silent_days: int
) -> None:
    invoice = shop.invoice(currency="usd")
    shop.world.control("webhooks", mode="drop")
    shop.pay(invoice, "pm_usBankAccount_noAccount")

    shop.world.advance(days=silent_days)
    for _ in range(5):
        sweep(shop)
        shop.world.advance(days=1)

    seen = shop.read(invoice)
    assert (seen["status"], seen["amounts"]["reserved"]) == ("open", 0)
    assert seen["attempts"][0]["status"] == "failed"
    assert seen["attempts"][0]["decline"]["code"] == "no_account"


def test_an_event_that_nobody_applied_is_queued_again_and_given_up_after_a_day(shop: Shop) -> None:
    deliver(shop, a_body(id="evt_late"))
    assert len(list(shop.world.messages("events"))) == 1

    shop.world.advance(minutes=6)
    assert sweep(shop)["events"] == 1
    assert len(list(shop.world.messages("events"))) == 1
    assert sweep(shop)["events"] == 0

    shop.world.advance(hours=25)
    assert sweep(shop)["orphans"] == 1
    assert sweep(shop) == QUIET
    assert list(shop.world.messages("events")) == []


def test_an_event_that_no_sweep_has_seen_for_a_day_is_queued_before_it_is_given_up(
    shop: Shop,
) -> None:
    invoice = shop.invoice()
    shop.pay(invoice)
    shop.world.standin.deliveries.run_due(shop.world._receive)
    list(shop.world.messages("events"))

    shop.world.advance(hours=25)
    swept = sweep(shop)

    assert (swept["orphans"], swept["events"] > 0) == (0, True)
    assert shop.world.work("apply_event", *shop.world.messages("events")) == []
    assert shop.read(invoice)["status"] == "paid"


def test_an_event_that_is_applied_while_the_sweep_runs_stays_applied(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.pay(shop.invoice())
    shop.world.standin.deliveries.run_due(shop.world._receive)
    queued = list(shop.world.messages("events"))
    shop.world.advance(minutes=6)

    listed = list_due_and_then(lambda: shop.world.work("apply_event", *queued))
    monkeypatch.setattr(Table, "due", listed)
    assert sweep(shop) == QUIET
    monkeypatch.undo()

    shop.world.advance(hours=25)
    assert sweep(shop) == QUIET
    events = [row for (_, sk), row in shop.world.rows().items() if sk == "EVENT"]
    assert {row["status"]["S"] for row in events} == {"applied"}


def list_due_and_then(work: Callable[[], object]) -> Callable[..., Iterator[tuple[str, str]]]:
    """What `Table.due` lists, made old by what `work` does between the index and the rows."""
    due = Table.due

    def listed(table: Table, *place: str, limit: int | None) -> Iterator[tuple[str, str]]:
        keys = list(due(table, *place, limit=limit))
        if keys:
            work()
        return iter(keys)

    return listed


def test_with_too_little_time_left_nothing_is_begun_at_stripe(shop: Shop) -> None:
    invoice = left_behind(shop)
    shop.world.advance(minutes=2)
    shop.world.remaining_ms = 5_000

    assert sweep(shop) == QUIET

    shop.world.remaining_ms = None
    assert sweep(shop)["attempts"] == 1
    assert shop.read(invoice)["status"] == "paid"


def test_an_attempt_over_23_hours_old_is_looked_up_and_never_replayed(shop: Shop) -> None:
    shop.world.control("webhooks", mode="drop")
    invoice = shop.invoice()
    path = shop.link(invoice)
    shop.world.fail("/v1/checkout/sessions", "timeout_lost", "timeout_lost")
    shop.world.public.post(f"{path}/pay", key=None)
    shop.world.advance(hours=25)
    shop.world.gate.arm(None)

    assert sweep(shop)["attempts"] == 1

    assert not [name for name in shop.world.gate.passed if name.startswith("POST")]
    assert shop.read(invoice)["attempts"][0]["status"] == "expired"


def test_a_sweep_that_dies_anywhere_is_made_good_by_the_next(shop: Shop) -> None:
    shop.save_card()
    invoices = [shop.invoice() for _ in range(4)]
    for invoice in invoices:
        shop.world.fail("/v1/payment_intents/*/confirm", "timeout_applied", "timeout_lost")
        expect(202, shop.charge(invoice))
    shop.world.advance(minutes=3)

    for step in range(0, 60, 4):
        shop.world.gate.arm(step, "after" if step % 8 else "before")
        try:
            sweep(shop)
        except Died:
            shop.world.advance(minutes=3)
    shop.world.gate.arm(None)
    sweep(shop)

    assert {shop.read(invoice)["status"] for invoice in invoices} == {"paid"}
    assert shop.world.booked() == shop.world.charged(shop.account) == [4000] * 4
