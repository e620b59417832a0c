"""People who reach for more than they were granted: each function is one story, for `stories`."""

from tests.doubles.invocations import Answer, Json
from tests.doubles.tenants import publishable_key, secret_key
from tests.simulation import storefronts
from tests.simulation.people import GOOD, People, Sale
from tests.simulation.scheduler import MINUTE
from tests.simulation.world import TENANTS

#: An operator whose profile was granted the tenant's other module, and no more.
CLERK = "operator/desk"


def name_another_module(people: People, sale: Sale) -> None:
    """Charge an invoice, or send its link, through a module that it is not of."""
    if not sale.merchant.desk:
        return
    way = people.random.choice(("charges", "charges", "pay-links"))
    body: Json = {"module": sale.merchant.desk}
    if way == "charges":
        body |= {"payment_method": sale.merchant.cards[GOOD]}
    answer = people.insist(sale.tenant, CLERK, f"{sale.path}/{way}", body)
    _require_barred(people, answer, f"{way} of {sale.ident} through another module")


def repeat_anothers_request(people: People, sale: Sale) -> None:
    """Send what somebody else has sent, under their key, to be told their answer."""
    opened = storefronts.open_intent(people, sale)
    if opened is None:
        return
    path = f"{sale.path}/payment-intents"
    said = next(each for each in people.exchanges[::-1] if each.route == path)
    answer = people.send(sale.tenant, CLERK, path, {}, said.key)
    _require_barred(people, answer, f"the kept answer of {path}")
    people.pause(1, 2 * MINUTE)
    storefronts.confirm(people, sale, opened, "visa")


def connect_again(people: People, sale: Sale) -> None:
    """Connect a Stripe account that is connected: in its tenant, or in another one."""
    if sale.merchant.connected:
        return
    tenant = people.random.choice(TENANTS)
    body = {
        "name": f"Again {next(people.keys)}",
        "mode": "test",
        "publishable_key": publishable_key(sale.tenant),
        "secret_key": secret_key(sale.tenant),
    }
    answer = people.insist(tenant, "admin", "/v1/accounts", body)
    # Its own tenant goes on with it, where it has stopped working.
    if answer and answer.status == 201 and answer.json["id"] == sale.merchant.account["id"]:
        return
    _require_barred(people, answer, f"{sale.merchant.account['stripe_account']} for {tenant}")


def _require_barred(people: People, answer: Answer | None, what: str) -> None:
    if answer and answer.status < 400:
        people.let_in.append(what)
