"""Every object that the stand-in answers, in every suite and on a tour, by Stripe's own schema."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

import pytest
import stripe

from local.standin.engine.routing import ROUTES
from local.standin.engine.texts import LENGTHS
from tests.conformance import figures
from tests.conformance.schema import published
from tests.conformance.schema.published import Flaw, Json
from tests.conformance.schema.tour import Clock, Tour
from tests.conformance.witness import Witness

VALID_SHARE_MIN = 0.98
#: The schema is of 2026-05-27, the SDK of 2026-10-28: keys that came in between, or went.
NEWER = {
    "checkout.session.allowed_payment_method_types": "the SDK's Session has it",
    "payment_intent.allowed_payment_method_types": "the SDK's PaymentIntent has it",
    "price.recurring.trial_period_days": "the SDK's Price.Recurring has it",
    "product.type": "the SDK's Product has it",
}
#: In what Stripe was recorded to answer, and in no schema that it has published.
RECORDED = dict.fromkeys(
    (
        "account.business_profile.specified_commercial_transactions_act_url",
        "card.wallet", "charge.destination", "charge.dispute", "charge.order", "charge.source",
        "payment_intent.shared_payment_granted_token", "payment_intent.source",
        "product.attributes",
    ), "Stripe sends it, and its schema has it no more, or not yet",
)  # fmt: skip
GONE = {
    "v2.core.account_link.use_case.account_onboarding.configurations": (
        "the SDK knows it neither in a request nor in an answer"
    ),
}
UNPUBLISHED = {
    "/oauth/token": "OAuth is described in Stripe's pages, not in the schema of the API",
    "/oauth/deauthorize": "as /oauth/token",
    "/v1/payment_pages/{id}": "what Stripe's own Checkout page calls; its answer is a session",
    "/v1/payment_pages/{id}/confirm": "as above",
}
NULL = "Stripe's pages call it nullable, and null unless `include` asks; the schema forgets to"
NULLABLE = {
    f"v2.core.account.{key}": NULL
    for key in (
        "configuration", "contact_email", "contact_phone", "defaults", "display_name",
        "future_requirements", "identity", "requirements",
    )
}  # fmt: skip


class Judged(NamedTuple):
    """What was answered at least once, and what is wrong with it."""

    flaws: dict[tuple[str, str], set[Flaw]]

    def of(self, kind: str) -> dict[str, str]:
        """Return where there are flaws of a kind, with one example of each."""
        found = (flaw for flaws in self.flaws.values() for flaw in flaws if flaw.kind == kind)
        return {flaw.where: str(flaw) for flaw in found}

    def unexcused(self, kind: str, exceptions: dict[str, str]) -> list[str]:
        return [text for where, text in self.of(kind).items() if where not in exceptions]

    def objects(self) -> list[set[Flaw]]:
        return [flaws for (name, _), flaws in self.flaws.items() if " " not in name]

    def valid_share(self) -> float:
        """Return the share whose keys have values that the schema allows, excused or not."""
        objects = self.objects()
        return sum(not any(f.kind == "wrong" for f in flaws) for flaws in objects) / len(objects)

    def lacking(self) -> int:
        return sum(
            any(f.kind == "missing" and f.where not in GONE for f in flaws)
            for flaws in self.objects()
        )


@pytest.fixture(scope="session")
def toured() -> Iterator[Witness]:
    clock = Clock()
    with closing(Witness(seed=1, clock=clock)) as witness:
        client = stripe.StripeClient("sk_test_" + "tulips" * 4, http_client=witness.http_client())
        Tour(client, clock).run()
        yield witness


@pytest.fixture(scope="session")
def judged(witness: Witness, toured: Witness) -> Judged:
    found: dict[tuple[str, str], set[Flaw]] = {}
    for exchange in [*toured.exchanges, *witness.exchanges]:
        body = json.loads(exchange.body)
        for item in published.items(exchange.method, exchange.path, exchange.status, body):
            key = (item.name, json.dumps(item.value, sort_keys=True))
            if key not in found:
                found[key] = published.flaws(item)
    judged = Judged(found)
    valid, lacking = judged.valid_share(), judged.lacking()
    figures.SCHEMA[:] = [
        f"objects by the schema: {len(judged.objects())}, {valid:.1%} valid",
        f"objects that lack a required key: {lacking}",
    ]
    return judged


def routes() -> set[tuple[str, str]]:
    """Return every operation that is registered, in whichever module the stand-in keeps them."""
    modules = [module for name, module in sys.modules.items() if name.startswith("local.standin")]
    (table,) = {id(m.ROUTES): m.ROUTES for m in modules if hasattr(m, "ROUTES")}.values()
    return {
        (route.method, "/" + "/".join(route.segments))
        for group in table.values()
        for route in group
    }


def test_the_tour_is_answered_by_every_operation(toured: Witness) -> None:
    answered = {
        (
            done.method,
            published.template_of(done.path, [t for m, t in routes() if m == done.method]),
        )
        for done in toured.exchanges
        if done.status < 300
    }

    assert sorted(routes() - answered) == []


@pytest.mark.parametrize("operation", sorted(LENGTHS))
def test_a_text_is_as_long_as_the_published_schema_says(operation: str) -> None:
    (path,) = {
        "/" + "/".join(route.segments)
        for group in ROUTES.values()
        for route in group
        if route.params == operation
    }
    said = dict(published.lengths_of(path))

    assert {name: said.get(name) for name in LENGTHS[operation]} == LENGTHS[operation]


def test_every_operation_is_stripes() -> None:
    own = {
        path
        for method, path in routes()
        if published.answer_schema(method, path, is_error=False) is None
    }

    assert own == set(UNPUBLISHED)


def test_no_object_lacks_a_required_key(judged: Judged) -> None:
    found = judged.unexcused("missing", GONE)

    assert not found, "\n".join(found)


def test_no_object_has_a_key_of_its_own(judged: Judged) -> None:
    found = judged.unexcused("unknown", NEWER | RECORDED)

    assert not found, "\n".join(found)


def test_every_value_is_one_that_the_schema_allows(judged: Judged) -> None:
    found = judged.unexcused("wrong", NULLABLE)

    assert not found, "\n".join(found)


def test_few_objects_need_an_exception(judged: Judged) -> None:
    assert judged.valid_share() >= VALID_SHARE_MIN


@pytest.mark.parametrize(
    ("kind", "exceptions"), [("missing", GONE), ("unknown", NEWER | RECORDED), ("wrong", NULLABLE)]
)
def test_no_exception_is_outlived(judged: Judged, kind: str, exceptions: dict[str, str]) -> None:
    assert exceptions.keys() - judged.of(kind).keys() == set()


@pytest.fixture
def payment(toured: Witness) -> Json:
    """Return a payment with its charge and balance transaction in it, which has no flaw."""
    bodies = [json.loads(done.body) for done in toured.exchanges if done.status < 300]
    expanded = (
        body
        for body in bodies
        if body.get("object") == "payment_intent" and isinstance(body["latest_charge"], dict)
    )
    return next(expanded)


def judge(body: Json, path: str = "/v1/payment_intents/pi_1") -> set[tuple[str, str]]:
    return {
        (flaw.kind, flaw.where)
        for item in published.items("GET", path, 200, body)
        for flaw in published.flaws(item)
        if flaw.where not in NEWER | RECORDED
    }


def without(value: Json, key: str) -> Json:
    return {name: inner for name, inner in value.items() if name != key}


@pytest.mark.parametrize(
    ("spoil", "kind", "where"),
    [
        (lambda c: without(c, "amount"), "missing", "charge.amount"),
        (lambda c: {**c, "amount": "2000"}, "wrong", "charge.amount"),
        (lambda c: {**c, "amount": None}, "wrong", "charge.amount"),
        (lambda c: {**c, "status": "odd"}, "wrong", "charge.status"),
        (lambda c: {**c, "colour": "red"}, "unknown", "charge.colour"),
        (lambda c: {**c, "outcome": {**c["outcome"], "type": 5}}, "wrong", "charge.outcome.type"),
        (lambda c: {**c, "outcome": without(c["outcome"], "type")}, "missing",
         "charge.outcome.type"),
        (lambda c: {**c, "customer": {"object": "charge"}}, "wrong", "charge.customer.object"),
        (lambda c: {**c, "metadata": {"k": 5}}, "wrong", "charge.metadata.k"),
    ],
)  # fmt: skip
def test_a_flaw_in_a_nested_object_is_found_and_named(
    payment: Json, spoil: Any, kind: str, where: str
) -> None:
    spoilt = {**payment, "latest_charge": spoil(payment["latest_charge"])}
    in_a_list = {
        "object": "list",
        "url": "/v1/payment_intents",
        "has_more": False,
        "data": [spoilt],
    }

    assert judge(payment) == set()
    assert (kind, where) in judge(spoilt)
    assert (kind, where) in judge(in_a_list, "/v1/payment_intents")


def test_a_list_without_its_end_is_found() -> None:
    found = judge({"object": "list", "url": "/v1/refunds", "data": []}, "/v1/refunds")

    assert found == {("missing", "GET /v1/refunds.has_more")}


def test_another_kind_of_object_than_the_operations_is_found(payment: Json) -> None:
    assert ("wrong", "GET /v1/charges/{charge}.object") in judge(payment, "/v1/charges/ch_1")


def test_a_kind_of_object_that_stripe_does_not_have_is_found() -> None:
    assert judge({"object": "voucher"}, "/v1/vouchers/1") == {("wrong", "voucher")}
