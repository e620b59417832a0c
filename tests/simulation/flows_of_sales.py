"""Flows in which something is sold and paid; what a flow is stands in `acting`."""

from tests.doubles.tenants import publishable_key, secret_key
from tests.simulation.acting import TENANT, Actor, Steps, flow
from tests.simulation.history import FOREVER, Act
from tests.simulation.people import ASKING, BAD, GOOD
from tests.simulation.sales import void
from tests.simulation.scheduler import HOUR, MINUTE


@flow
def create_an_invoice(actor: Actor) -> Steps:
    yield
    actor.sale()


@flow
def charge_in_full(actor: Actor) -> Steps:
    sale = actor.sale()
    yield
    actor.charge(sale)


@flow
def charge_a_part_and_then_the_rest(actor: Actor) -> Steps:
    sale = actor.sale()
    yield
    actor.charge(sale, amount=1500)
    actor.charge(sale)


@flow
def charge_a_card_that_the_bank_declines(actor: Actor) -> Steps:
    sale = actor.sale()
    yield
    actor.charge(sale, BAD)


@flow
def charge_a_card_whose_bank_asks_for_its_holder(actor: Actor) -> Steps:
    sale = actor.sale()
    yield
    actor.charge(sale, ASKING)


@flow
def create_a_link(actor: Actor) -> Steps:
    sale = actor.sale()
    yield
    actor.link(sale)


@flow
def press_pay(actor: Actor) -> Steps:
    link = actor.link(actor.sale())
    yield
    actor.press_pay(link)


@flow
def press_pay_again_and_pay(actor: Actor) -> Steps:
    sale = actor.sale()
    link = actor.link(sale)
    actor.press_pay(link)
    yield
    page = actor.press_pay(link)
    if page:
        actor.pay_there(sale, page)


@flow
def pay_and_come_back(actor: Actor) -> Steps:
    sale = actor.sale()
    page = actor.press_pay(actor.link(sale))
    yield
    actor.pay_there(sale, page)


@flow
def pay_by_bank_debit(actor: Actor) -> Steps:
    sale = actor.sale()
    page = actor.press_pay(actor.link(sale))
    yield
    actor.people.finish(sale, actor.world.payer.try_card(page, "pm_sepaDebit"), certain=False)


@flow
def charge_beside_an_open_page(actor: Actor) -> Steps:
    sale = actor.sale()
    actor.press_pay(actor.link(sale))
    yield
    actor.charge(sale)


@flow
def void_beside_an_open_page(actor: Actor) -> Steps:
    sale = actor.sale()
    actor.press_pay(actor.link(sale))
    yield
    void(actor.people, sale)


@flow
def save_a_card(actor: Actor) -> Steps:
    """Of a customer whom Stripe does not know yet, and who then pays with it."""
    known = {"name": "Ada", "email": "ada@example.com", "online_payment_enabled": True}
    actor.ask("PUT", "/v1/customers/c-2", known)
    yield
    _ask_for_a_card(actor)
    yield
    actor.world.scheduler.pause(10 * MINUTE)
    actor.require(_ask_for_a_card(actor), "no card can be saved, ten minutes after all faults")


def _ask_for_a_card(actor: Actor) -> bool:
    path, body = "/v1/customers/c-2/setup-sessions", {"module": actor.merchant.module}
    answer = actor.people.insist(TENANT, "operator", path, body)
    if answer is None or answer.status != 201:
        return False
    actor.world.payer.press(answer.json["url"], "visa")
    return True


@flow
def sweep_what_was_left(actor: Actor) -> Steps:
    """A charge that ended unheard, a page that nobody knows of, an event that was never queued."""
    charged, pressed = actor.sale(), actor.sale()
    link = actor.link(pressed)
    world = actor.world
    for path in ("/v1/payment_intents/*/confirm", "/v1/checkout/sessions"):
        world.lose(path)
    actor.people.charge_card(charged, None, actor.merchant.cards[GOOD])
    world.ask("POST", f"{link}/pay")
    world.standin.faults.clear()
    world.scheduler.pause(4 * MINUTE)
    yield
    actor.run("sweep_attempts")


@flow
def reconcile_what_nobody_told(actor: Actor) -> Steps:
    sale = actor.sale()
    page = actor.press_pay(actor.link(sale))
    actor.world.webhooks.kept_down_until = actor.world.scheduler.now + 2 * HOUR
    actor.world.payer.press(page, "visa")
    sale.acts.append(Act("pay", actor.world.scheduler.now, FOREVER, sale.total))
    yield
    actor.run("reconcile_accounts")


@flow
def connect_an_account(actor: Actor) -> Steps:
    yield
    body = {
        "name": "Second",
        "mode": "test",
        "publishable_key": publishable_key("second"),
        "secret_key": secret_key("second"),
    }
    answer = actor.people.insist(TENANT, "admin", "/v1/accounts", body)
    yield
    actor.world.scheduler.pause(10 * MINUTE)
    if answer is None or answer.status != 201:
        # Whatever is left of the first request: it is gone on with, or has connected it.
        answer = actor.people.insist(TENANT, "admin", "/v1/accounts", body | {"name": "Third"})
    found = answer.json if answer else {}
    path = f"/v1/accounts/{found.get('id') or found.get('account')}/verify"
    seen = actor.ask("POST", path)
    actor.require(seen and seen.json["status"] == "active", "the account does not become active")
