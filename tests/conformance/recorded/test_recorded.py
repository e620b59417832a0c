"""The stand-in beside recordings of Stripe itself: each key, code and state that was always so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import stripe

from tests.conformance import figures
from tests.conformance.recorded.facts import DECLINES, KEYS
from tests.conformance.schema.tour import Clock, Tour
from tests.conformance.witness import Witness

Json = dict[str, Any]
#: Keys that follow from what the recorded accounts were, had switched on, or were asked.
CIRCUMSTANCE = {
    "account.company": "they were companies that had given their papers",
    "account.controller": "an account of one's own has no platform, and the type alone",
    "balance.issuing": "they issued cards",
    "card.customer": "theirs stood in an account",
    "card.email": "as above",
    "card.phone": "as above",
    "charge.outcome.risk_score": "Radar scores cards, and no debits",
    "charge.payment_method_details.card": "a debit has no card",
    "customer.tax": "they asked for it by `expand`",
    "error (card).network_decline_code": "the network says nothing of what it was not asked",
    "error (card).payment_intent": "within an intent, its last error does not repeat it",
    "error (card).request_log_url": "as above",
    "payment_intent.last_payment_error": "theirs were all declines",
    "payment_intent.next_action.use_stripe_sdk": "these lead to the bank's page",
    "payment_intent.payment_method_options": "they had Klarna, Link and debits switched on",
    "payment_method.card": "a debit has no card",
    "payment_method.us_bank_account": "they were debits for the greater part",
    "setup_intent.payment_method_options": "they had debits switched on",
}


@pytest.fixture(scope="module")
def toured() -> Iterator[Witness]:
    clock = Clock()
    with closing(Witness(seed=1, clock=clock)) as witness:
        client = stripe.StripeClient("sk_test_" + "tulips" * 4, http_client=witness.http_client())
        Tour(client, clock).run()
        yield witness


@pytest.fixture(scope="module")
def objects(toured: Witness) -> dict[str, list[Json]]:
    """Give every object that was answered, the inner ones too, by its kind."""
    found: dict[str, list[Json]] = {}
    for exchange in toured.exchanges:
        for kind, value in objects_in(json.loads(exchange.body)):
            found.setdefault(kind, []).append(value)
    return found


def objects_in(value: Any) -> Iterator[tuple[str, Json]]:
    if isinstance(value, list):
        for each in value:
            yield from objects_in(each)
    if isinstance(value, dict):
        if isinstance(kind := value.get("object"), str):
            yield kind + " (deleted)" * (value.get("deleted") is True), value
        elif value.get("type") == "card_error" and "message" in value:
            yield "error (card)", value
        for key, inner in value.items():
            if key not in {"metadata", "previous_attributes"}:
                yield from objects_in(inner)


def keys_of(words: str) -> dict[str, Any]:
    """Read the table's notation: a word for a key, and braces for what is in it."""
    tree: dict[str, Any] = {}
    path, last = [tree], ""
    for word in words.replace("{", " { ").replace("}", " } ").split():
        if word == "{":
            path.append(path[-1][last])
        elif word == "}":
            path.pop()
        else:
            last = word
            path[-1][last] = {}
    return tree


def lacking(value: Any, keys: dict[str, Any], where: str) -> Iterator[tuple[str, bool]]:
    """Give each key with whether it is there; of what is null or empty nothing inside is asked."""
    if not isinstance(value, dict):
        return
    for key, inner in keys.items():
        name, many = key.removesuffix("[]"), key.endswith("[]")
        if not many:
            yield f"{where}.{name}", name in value
        below = value.get(name)
        for each in below if isinstance(below, list) else [below]:
            yield from lacking(each, inner, f"{where}.{name}")


def depends(where: str) -> bool:
    return any(where == path or where.startswith(f"{path}.") for path in CIRCUMSTANCE)


@pytest.mark.parametrize("kind", sorted(KEYS))
def test_every_key_that_stripe_always_sends_is_there(
    objects: dict[str, list[Json]], kind: str
) -> None:
    asked = [
        (where, there)
        for value in objects[kind]
        for where, there in lacking(value, keys_of(KEYS[kind]), kind)
        if there or not depends(where)
    ]

    figures.RECORDED[kind] = (sum(there for _, there in asked), len(asked))
    assert asked
    assert sorted({where for where, there in asked if not there}) == []


@pytest.mark.parametrize("card", sorted(DECLINES))
def test_a_test_card_fails_with_the_codes_that_it_fails_with_at_stripe(
    toured: Witness, card: str
) -> None:
    client = stripe.StripeClient("sk_test_" + "roses" * 4, http_client=toured.http_client())
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_intents.create(
            {"amount": 4200, "currency": "usd", "payment_method": f"pm_card_{card}",
             "confirm": True, "off_session": True}
        )  # fmt: skip

    body: Any = caught.value.json_body
    names = ("code", "decline_code", "advice_code", "network_decline_code", "network_advice_code")
    assert tuple(body["error"].get(name) for name in names) == DECLINES[card]


@pytest.mark.parametrize(
    ("method", "path", "names"),
    [
        ("GET", "/v1/balance", {"request-id", "stripe-version", "access-control-allow-origin"}),
        ("GET", "/v1/customers/cus_none", {"request-id", "access-control-allow-origin"}),
        ("POST", "/v1/customers", {"idempotency-key", "original-request", "stripe-should-retry"}),
    ],
)
def test_an_answer_has_the_headers_that_every_answer_has(
    toured: Witness, method: str, path: str, names: set[str]
) -> None:
    http = toured.http_client()
    key = {"Authorization": "Bearer sk_test_" + "roses" * 4, "Idempotency-Key": f"{method}{path}"}
    text, _, headers = http.request(method, f"http://x{path}", key, "")

    assert names <= headers.keys()
    assert text.startswith('{\n  "')


@pytest.mark.parametrize(
    ("country", "currency"), [("AU", "aud"), ("CA", "cad"), ("DE", "eur"), ("GB", "gbp")]
)
def test_a_new_account_settles_in_its_countrys_currency(
    toured: Witness, country: str, currency: str
) -> None:
    client = stripe.StripeClient("sk_test_" + "roses" * 4, http_client=toured.http_client())
    account: Any = client.v1.accounts.create({"type": "standard", "country": country})

    assert account.default_currency == currency
    assert (account.business_profile.mcc, account.charges_enabled) == (None, False)


def test_what_was_always_so_at_a_moment_is_so_here(toured: Witness) -> None:
    client = stripe.StripeClient("sk_test_" + "iris" * 4, http_client=toured.http_client())
    given: Any = {"amount": 4200, "currency": "usd", "payment_method": "pm_card_visa"}
    expand: Any = {"expand": ["latest_charge"]}
    never: Any = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    v1: Any = client.v1

    paid = v1.payment_intents.create({**given, **never, **expand, "confirm": True})
    saved = v1.setup_intents.create({"payment_method": "pm_card_visa", "confirm": True, **never})
    fresh = v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    kept = v1.payment_methods.attach(fresh.id, {"customer": v1.customers.create({}).id})

    assert (paid.status, paid.latest_charge.balance_transaction) == ("succeeded", None)
    assert str(saved.latest_attempt).startswith("setatt_")
    assert fresh.card.checks.cvc_check == "unchecked"
    assert kept.card.checks.cvc_check == "pass"
