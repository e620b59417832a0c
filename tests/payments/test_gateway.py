"""The door to Stripe: what is sent, what comes back, and what each failure is taken to mean."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from local.standin import StandIn
from local.standin.engine.access import Restriction
from local.standin.engine.faults import Fault
from payments.doors.gateway import Gateway
from payments.doors.https import NoAnswer, Pool
from payments.doors.stripe_api import transport
from payments.doors.stripe_api.describing import statement_suffix
from payments.doors.stripe_api.events import EVENTS
from payments.doors.stripe_api.transport import API_VERSION, connections
from payments.errors import (
    PaymentsError,
    StripeAccountError,
    StripePermissionMissing,
    StripeRequestRefused,
    StripeUnavailable,
)
from payments.facts.attempt import Attempt, WayBack
from payments.facts.outcome import CardRefused, OutcomeUnknown
from payments.facts.refund import Refund
from payments.facts.stripe_objects import BalanceTransaction, Intent, StripeDispute
from payments.steps.accounts.key_probes import PROBES
from tests.payments import examples
from tests.payments.examples import NOW, Clock

SECRET = "sk_test_" + "alpha" * 4
PUBLISHABLE = "pk_test_" + "alpha" * 4
INTENT = {
    "id": "pi_1",
    "status": "requires_confirmation",
    "amount": 100_00,
    "currency": "eur",
    "livemode": False,
    "created": 1,
}
MISSING_PERMISSION = (
    "The provided key 'rk_test_***' does not have the required permissions for this endpoint on "
    "account 'acct_1'. Having the 'rak_payment_intent_write' permission would allow this request "
    "to continue."
)


class Scripted(stripe.HTTPClient):
    """Answers each request with the next of `answers`, and keeps what was sent."""

    name = "scripted"

    def __init__(self, *answers: tuple[int, Any] | Exception) -> None:
        super().__init__()
        self.answers, self.sent = list(answers), []

    def request(
        self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any
    ) -> tuple[str, int, Mapping[str, str]]:
        self.sent.append((method, url, {k.lower(): v for k, v in headers.items()}, post_data))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        text = body if isinstance(body, str) else json.dumps(body)
        return text, status, {"request-id": "req_1"}

    def _sleep_time_seconds(self, _: int) -> float:
        return 0.0


def scripted(*answers: tuple[int, Any] | Exception) -> tuple[Gateway, Scripted]:
    client = Scripted(*answers)
    return Gateway(SECRET, api_base="", http_client=client), client


def refusal(**members: Any) -> dict[str, Any]:
    return {"error": {"type": "invalid_request_error", "message": "No.", **members}}


def lost() -> stripe.APIConnectionError:
    return stripe.APIConnectionError("lost", should_retry=True)


def below(kind: type[stripe.StripeError]) -> set[type[stripe.StripeError]]:
    """Return the classes that the SDK raises: those that nothing is derived from."""
    kinds = kind.__subclasses__()
    return set().union(*map(below, kinds)) if kinds else {kind}


def all_intents(gateway: Gateway) -> list[Intent]:
    return gateway.intents(NOW - timedelta(days=1), NOW + timedelta(days=1), None)[0]


@pytest.fixture
def standin(clock: Clock) -> Iterator[StandIn]:
    running = StandIn(seed=1, clock=lambda: clock.now().timestamp())
    yield running
    running.close()


@pytest.fixture
def gateway(standin: StandIn) -> Gateway:
    return using(SECRET, standin)


def using(key: str, standin: StandIn) -> Gateway:
    return Gateway(key, api_base="", http_client=standin.http_client())


def paying_with(card: str, **changes: Any) -> Attempt:
    return examples.attempt(payment_method=f"pm_card_{card}", **changes)


def created(gateway: Gateway, attempt: Attempt) -> Attempt:
    intent = gateway.create_intent(attempt, "RE-1")
    return attempt.model_copy(update={"payment_intent": intent.id})


def test_an_intent_is_created_without_moving_money(gateway: Gateway) -> None:
    intent = gateway.create_intent(paying_with("visa"), "RE-1")

    assert intent.status == "requires_confirmation"
    assert (intent.amount, intent.currency, intent.livemode) == (100_00, "eur", False)
    assert intent.metadata == {"tenant": "tulips", "invoice": "inv_1", "attempt": "att_1"}


def test_a_confirmed_intent_comes_back_with_its_charge_and_a_moment_later_its_fee(
    gateway: Gateway, standin: StandIn, clock: Clock
) -> None:
    attempt = created(gateway, paying_with("visa"))

    confirmed = gateway.confirm_intent(attempt)

    assert confirmed.status == "succeeded"
    assert confirmed.charge.amount == 100_00
    assert confirmed.charge.card.last4 == "4242"
    assert confirmed.charge.balance_transaction is None
    clock.pass_by(seconds=standin.books_after_s)
    standin.run_jobs()
    booked = gateway.charge(confirmed.charge.id)
    assert isinstance(booked.balance_transaction, BalanceTransaction)
    assert booked.payment_intent == confirmed.id


def test_a_step_repeated_is_the_same_step(gateway: Gateway) -> None:
    attempt = created(gateway, paying_with("visa"))

    assert created(gateway, paying_with("visa")).payment_intent == attempt.payment_intent
    assert gateway.confirm_intent(attempt) == gateway.confirm_intent(attempt)


def test_a_declined_card_says_why_and_which_intent_has_to_be_fenced(gateway: Gateway) -> None:
    attempt = created(gateway, paying_with("visa_chargeDeclinedInsufficientFunds"))

    with pytest.raises(CardRefused) as refused:
        gateway.confirm_intent(attempt)
    assert refused.value.intent == attempt.payment_intent
    assert refused.value.decline.code == "card_declined"
    assert refused.value.decline.decline_code == "insufficient_funds"
    assert refused.value.decline.charge


def test_a_fenced_intent_can_no_longer_succeed(gateway: Gateway) -> None:
    attempt = created(gateway, paying_with("visa"))

    assert gateway.fence_intent(attempt.payment_intent or "").status == "canceled"
    with pytest.raises(StripeRequestRefused):
        gateway.confirm_intent(attempt)


def test_a_fence_that_comes_too_late_finds_the_money(gateway: Gateway) -> None:
    attempt = created(gateway, paying_with("visa"))
    gateway.confirm_intent(attempt)

    fenced = gateway.fence_intent(attempt.payment_intent or "")

    assert (fenced.status, fenced.charge.amount) == ("succeeded", 100_00)


def test_a_fence_around_an_intent_that_does_not_exist_is_no_success(gateway: Gateway) -> None:
    with pytest.raises(StripeRequestRefused) as refused:
        gateway.fence_intent("pi_none")
    assert refused.value.members["stripe_code"] == "resource_missing"


def test_a_session_ends_when_its_attempt_may_no_longer_be_replayed(gateway: Gateway) -> None:
    attempt, back = (
        examples.attempt(),
        WayBack("https://pay.example/p/t/return", "https://pay.example/p/t"),
    )

    session = gateway.create_session(attempt, "RE-1", back)

    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert session.url
    assert gateway.create_session(attempt, "RE-1", back).id == session.id
    assert session.metadata["attempt"] == "att_1"


def test_a_refund_repeated_is_one_refund_and_says_whose_it_is(gateway: Gateway) -> None:
    refund = given_back(gateway, "visa")

    first, second = (gateway.create_refund(refund) for _ in range(2))

    assert first == second == gateway.refund(first.id)
    assert (first.status, first.amount, first.charge) == ("succeeded", 30_00, refund.charge)
    assert isinstance(first.payment_intent, Intent)
    assert first.payment_intent.charge.balance_transaction
    assert first.metadata["refund"] == refund.id
    assert list(gateway.refunds_of(refund.charge or "")) == [first]


def test_refunds_are_paged_without_losing_one(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.doors.stripe_api.transport.PAGE", 2)
    refund = given_back(gateway, "visa")
    made = [
        gateway.create_refund(refund.model_copy(update={"id": f"rfd_{number}", "amount": 1_00})).id
        for number in range(5)
    ]

    assert [told.id for told in gateway.refunds_of(refund.charge or "")] == made[::-1]
    window = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
    found, cursor = gateway.refunds(*window, None)
    while cursor:
        page, cursor = gateway.refunds(*window, cursor)
        found += page
    assert [told.id for told in found] == made[::-1]


def given_back(gateway: Gateway, card: str) -> Refund:
    """A refund of 30.00 of a charge that was made."""
    attempt = paying_with(card)
    confirmed = gateway.confirm_intent(created(gateway, attempt))
    return examples.refund(charge=confirmed.charge.id, amount=30_00)


def test_a_fenced_session_is_closed_and_fencing_it_again_is_no_error(gateway: Gateway) -> None:
    attempt, back = (
        examples.attempt(),
        WayBack("https://pay.example/p/t/return", "https://pay.example/p/t"),
    )
    session = gateway.create_session(attempt, "RE-1", back)

    assert gateway.fence_session(session.id).status == "expired"
    assert gateway.fence_session(session.id).status == "expired"
    with pytest.raises(StripeRequestRefused):
        gateway.fence_session("cs_none")


def test_intents_of_a_window_are_paged_without_losing_one(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "PAGE", 2)
    made = {
        created(gateway, paying_with("visa", id=f"att_{number}")).payment_intent
        for number in range(5)
    }

    pages, cursor = [], None
    while True:
        page, cursor = gateway.intents(NOW - timedelta(hours=1), NOW + timedelta(hours=1), cursor)
        pages.append([intent.id for intent in page])
        if cursor is None:
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {intent for page in pages for intent in page} == made
    assert gateway.intents(NOW - timedelta(hours=2), NOW, None) == ([], None)


def test_a_publishable_key_sees_only_its_own_accounts_setup_intent(
    gateway: Gateway, standin: StandIn
) -> None:
    setup = gateway.create_setup_intent("same-account")

    assert using(PUBLISHABLE, standin).sees_setup_intent(setup)
    assert not using("pk_test_" + "other" * 4, standin).sees_setup_intent(setup)


def test_an_endpoint_hears_exactly_the_events_that_can_be_applied(gateway: Gateway) -> None:
    made = gateway.create_endpoint("https://pay.example/hook", EVENTS, "endpoint")

    assert made.secret
    assert made.api_version == API_VERSION
    assert [endpoint.id for endpoint in gateway.endpoints()] == [made.id]
    gateway.delete_endpoint(made.id)
    assert list(gateway.endpoints()) == []
    assert len(set(EVENTS)) == len(EVENTS)


def test_what_is_gone_already_counts_as_deleted(gateway: Gateway) -> None:
    made = gateway.create_endpoint("https://pay.example/hook", EVENTS, "endpoint")
    customer = gateway.create_customer({}, "customer")

    for _ in range(2):
        gateway.delete_endpoint(made.id)
        gateway.delete_customer(customer)

    assert list(gateway.endpoints()) == []
    assert gateway.customer(customer).deleted


def test_a_delete_that_stripe_refuses_otherwise_is_not_forgiven() -> None:
    gateway, _ = scripted((400, refusal(code="lock_timeout")))

    with pytest.raises(StripeRequestRefused):
        gateway.delete_endpoint("we_1")


def test_what_a_saved_card_is_for_reaches_stripe(gateway: Gateway) -> None:
    made = gateway.create_setup_intent("setup", {"usage": "on_session"})

    asked = gateway._request("get", f"/v1/setup_intents/{made.id}", {})
    assert asked["usage"] == "on_session"


def test_no_parameter_is_taken_for_an_option_of_the_sdk() -> None:
    gateway, client = scripted((200, {"id": "x"}))
    names = ("usage", "base", "api_key", "headers", "stripe_account", "content_type", "method_")

    gateway._request("post", "/v1/x", dict.fromkeys(names, "1"))

    ((_, _, headers, body),) = client.sent
    assert sorted(body.split("&")) == sorted(f"{name}=1" for name in names)
    assert headers["authorization"] == f"Bearer {SECRET}"


class Told:
    """Whoever answers for a key, and what they were told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def renewed(self) -> None:
        """Have no other key."""

    def refused(self) -> None:
        self.told.append("refused")

    def not_permitted(self) -> None:
        self.told.append("not permitted")


@pytest.mark.parametrize(
    ("key", "account", "told", "raised"),
    [
        (SECRET, "acct_1Elsewhere00000", "refused", StripeAccountError),
        ("sk_test_" + "ended" * 4, None, "refused", StripeAccountError),
        ("rk_test_" + "bound" * 4, None, "not permitted", StripePermissionMissing),
    ],
)
def test_a_keys_owner_hears_over_http_what_stripe_refuses_it(
    key: str, account: str | None, told: str, raised: type[PaymentsError]
) -> None:
    """The SDK keeps the code of a 403 in the body: a merchant who left looked like a right."""
    standin, owner = StandIn(seed=1), Told()
    standin.restrictions["sk_test_" + "ended" * 4] = Restriction(revoked=True)
    standin.restrictions["rk_test_" + "bound" * 4] = Restriction(allow=frozenset())
    server, client = standin.serve(0), connections()
    try:
        gateway = Gateway(key, api_base=server.url, http_client=client, stripe_account=account)
        with pytest.raises(raised):
            gateway.watched_by(owner).customer("cus_1")
    finally:
        client.close()
        server.close()

    assert owner.told == [told]


@pytest.mark.parametrize(("permission", "method", "path"), PROBES)
def test_a_probe_tells_whether_a_permission_is_there(
    permission: str, method: str, path: str, gateway: Gateway, standin: StandIn
) -> None:
    assert gateway.is_permitted(method, path)

    standin.restrictions[SECRET] = Restriction(allow=frozenset({"products.read"}))
    assert not gateway.is_permitted(method, path)

    standin.restrictions[SECRET] = Restriction(allow=frozenset({permission}))
    assert gateway.is_permitted(method, path)


def test_probing_every_permission_makes_nothing(gateway: Gateway) -> None:
    for _, method, path in PROBES:
        gateway.is_permitted(method, path)

    assert all_intents(gateway) == []
    assert list(gateway.endpoints()) == []


def test_a_restricted_key_may_not_know_its_own_account() -> None:
    gateway, _ = scripted((403, refusal(message="Not allowed.")))

    assert gateway.account_id() is None


@pytest.mark.parametrize(("kind", "times"), [("timeout_lost", 2), ("timeout_applied", 1)])
def test_a_create_without_an_answer_makes_one_intent_however_often_it_is_repeated(
    kind: str, times: int, gateway: Gateway, standin: StandIn
) -> None:
    standin.faults.add(Fault("POST", "/v1/payment_intents", kind, times))

    for _ in range(3):
        with suppress(OutcomeUnknown):
            gateway.create_intent(paying_with("visa"), "RE-1")
    assert len(all_intents(gateway)) == 1


def test_a_server_error_may_come_after_the_deed_so_it_is_unknown(
    gateway: Gateway, standin: StandIn
) -> None:
    standin.faults.add(Fault("POST", "/v1/payment_intents", "500_applied", 1))

    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            gateway.create_intent(paying_with("visa"), "RE-1")
    assert len(all_intents(gateway)) == 1


#: status and body of Stripe, and what is raised for a read and for a write.
TRANSLATIONS = [
    (400, refusal(code="parameter_missing"), StripeRequestRefused, StripeRequestRefused),
    (404, refusal(code="resource_missing"), StripeRequestRefused, StripeRequestRefused),
    (400, refusal(type="idempotency_error"), StripeUnavailable, OutcomeUnknown),
    (400, refusal(code="rate_limit"), StripeUnavailable, StripeUnavailable),
    (401, refusal(), StripeAccountError, StripeAccountError),
    (402, refusal(type="card_error", code="card_declined"), CardRefused, CardRefused),
    (403, refusal(message=MISSING_PERMISSION), StripePermissionMissing, StripePermissionMissing),
    (403, refusal(), StripePermissionMissing, StripePermissionMissing),
    (409, refusal(type="idempotency_error"), StripeUnavailable, OutcomeUnknown),
    (424, refusal(), StripeUnavailable, OutcomeUnknown),
    (429, refusal(), StripeUnavailable, StripeUnavailable),
    (429, refusal(code="lock_timeout"), StripeUnavailable, StripeUnavailable),
    (500, refusal(type="api_error"), StripeUnavailable, OutcomeUnknown),
    (502, "<html>Bad gateway</html>", StripeUnavailable, OutcomeUnknown),
    (503, refusal(type="api_error"), StripeUnavailable, OutcomeUnknown),
    (200, "<html>not JSON</html>", StripeUnavailable, OutcomeUnknown),
]


@pytest.mark.parametrize(("status", "body", "read", "write"), TRANSLATIONS)
def test_each_refusal_of_stripe_has_one_meaning(
    status: int, body: Any, read: type[Exception], write: type[Exception]
) -> None:
    gateway, _ = scripted(*[(status, body)] * 4)

    with pytest.raises(read):
        gateway.intent("pi_1")
    with pytest.raises(write):
        gateway.create_intent(examples.attempt(), "RE-1")


def test_no_answer_is_unavailable_for_a_read_and_unknown_for_a_write() -> None:
    gateway, client = scripted(*[lost() for _ in range(4)])

    with pytest.raises(StripeUnavailable):
        gateway.intent("pi_1")
    with pytest.raises(OutcomeUnknown):
        gateway.create_intent(examples.attempt(), "RE-1")
    assert len(client.sent) == 4


@pytest.mark.parametrize(
    "kind",
    sorted(
        # OAuth's own errors come of OAuth's own requests, and only once those are imported.
        (kind for kind in below(stripe.StripeError) if kind.__module__ == "stripe._error"),
        key=lambda kind: kind.__name__,
    ),
    ids=lambda kind: kind.__name__,
)
def test_no_error_of_the_sdk_leaves_its_door(kind: type[stripe.StripeError]) -> None:
    three = {stripe.CardError, stripe.InvalidRequestError, stripe.SignatureVerificationError}
    error = kind("message", None, None) if kind in three else kind("message")
    gateway, _ = scripted(error)

    with pytest.raises((PaymentsError, CardRefused, OutcomeUnknown)):
        gateway.intent("pi_1")


def test_a_missing_permission_is_named() -> None:
    gateway, _ = scripted((403, refusal(message=MISSING_PERMISSION)))

    with pytest.raises(StripePermissionMissing) as missing:
        gateway.intent("pi_1")
    assert missing.value.members == {
        "permission": "rak_payment_intent_write",
        "stripe_request_id": "req_1",
    }


def test_a_refusal_carries_stripes_code_and_never_its_words() -> None:
    words = "No such customer: 'ada@example.com'"
    gateway, _ = scripted((400, refusal(message=words, code="resource_missing", param="customer")))

    with pytest.raises(StripeRequestRefused) as refused:
        gateway.intent("pi_1")
    assert refused.value.members["stripe_code"] == "resource_missing"
    assert refused.value.members["param"] == "customer"
    assert "ada@example.com" not in json.dumps(refused.value.problem())


def test_a_decline_carries_what_the_bank_and_stripes_rules_said() -> None:
    charge = {"id": "ch_1", "outcome": {"type": "blocked", "risk_level": "highest"}}
    body = refusal(
        type="card_error",
        code="card_declined",
        decline_code="fraudulent",
        advice_code="do_not_try_again",
        network_decline_code="59",
        charge="ch_1",
        payment_intent={"id": "pi_1", "latest_charge": charge},
    )
    gateway, _ = scripted((402, body))

    with pytest.raises(CardRefused) as refused:
        gateway.confirm_intent(examples.attempt(payment_intent="pi_1"))
    assert refused.value.decline.model_dump() == {
        "code": "card_declined",
        "decline_code": "fraudulent",
        "advice_code": "do_not_try_again",
        "network_decline_code": "59",
        "outcome_type": "blocked",
        "risk_level": "highest",
        "charge": "ch_1",
    }


def test_every_request_names_the_api_version_and_its_own_merchants_key() -> None:
    gateway, client = scripted((200, INTENT))

    gateway.intent("pi_1")

    _, _, headers, _ = client.sent[0]
    assert headers["stripe-version"] == API_VERSION
    assert headers["authorization"] == f"Bearer {SECRET}"


def test_a_write_that_is_tried_again_keeps_its_key() -> None:
    gateway, client = scripted(lost(), (200, INTENT))

    gateway.create_intent(examples.attempt(), "RE-1")

    keys = [headers["idempotency-key"] for _, _, headers, _ in client.sent]
    assert keys == ["tulips:att_1:create"] * 2


def test_each_step_of_an_attempt_has_a_key_of_its_own() -> None:
    gateway, client = scripted(*[(200, INTENT)] * 2)
    attempt = examples.attempt(payment_intent="pi_1")

    gateway.create_intent(attempt, "RE-1")
    gateway.confirm_intent(attempt)

    keys = [headers["idempotency-key"] for verb, _, headers, _ in client.sent if verb == "post"]
    assert keys == ["tulips:att_1:create", "tulips:att_1:confirm"]


def test_a_fence_is_a_new_request_each_time_so_that_no_failure_of_one_is_repeated() -> None:
    gateway, client = scripted(*[(200, INTENT)] * 4)

    gateway.fence_intent("pi_1")
    gateway.fence_intent("pi_1")

    keys = [headers["idempotency-key"] for verb, _, headers, _ in client.sent if verb == "post"]
    assert len(set(keys)) == 2


def test_what_is_none_is_not_sent() -> None:
    gateway, client = scripted((200, INTENT))

    gateway.create_intent(examples.attempt(stripe_customer=None), "RE-1")

    sent = client.sent[0][3]
    assert "customer" not in sent
    assert "amount=10000" in sent


def test_stripe_is_given_two_seconds_to_connect_eight_to_answer_and_one_more_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def too_slow(*_: Any, connect_s: float, read_s: Any) -> None:
        asked.append((connect_s, read_s()))
        raise NoAnswer("timeout", sent=True)

    monkeypatch.setattr(Pool, "send", too_slow)
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0.0)
    gateway = Gateway(SECRET, api_base="", http_client=connections())

    with pytest.raises(OutcomeUnknown):
        gateway.create_intent(examples.attempt(), "RE-1")
    assert asked == [(2, 8), (2, 8)]


@pytest.mark.parametrize(
    ("number", "suffix"),
    [
        ("RE-1", "RE-1"),
        ("2026-001", "INV 26-001"),
        ("4711", "INV 4711"),
        ("1234567890", "INV 567890"),
        ("RE-2026-000123", "INV 000123"),
        ("A*<B>'\"\\C", "ABC"),
        ("***", None),
        ("", None),
        ("   ", None),
        ("ÄÖÜ", None),
    ],
)
def test_an_invoices_number_is_shown_on_the_statement_as_far_as_stripe_allows(
    number: str, suffix: str | None
) -> None:
    assert statement_suffix(number) == suffix


@given(st.text(max_size=64))
def test_no_statement_ever_holds_what_stripe_would_refuse(number: str) -> None:
    suffix = statement_suffix(number)

    if suffix is not None:
        assert 1 <= len(suffix) <= 10
        assert any(letter.isalpha() and letter.isascii() for letter in suffix)
        assert not set(suffix) & set("<>\\'\"*")
        assert suffix == suffix.strip()


def disputed(gateway: Gateway, standin: StandIn) -> StripeDispute:
    attempt = created(gateway, paying_with("createDispute"))
    gateway.confirm_intent(attempt)
    (found,), following = gateway.disputes(NOW - timedelta(1), NOW + timedelta(1), None)
    assert following is None
    return found


def test_a_dispute_comes_with_its_payment_and_with_what_moved(
    gateway: Gateway, standin: StandIn
) -> None:
    found = disputed(gateway, standin)

    assert gateway.dispute(found.id) == found
    assert (found.status, found.amount, found.network_reason) == ("needs_response", 100_00, "10.4")
    (booked,) = found.balance_transactions
    assert (booked.amount, booked.fee) == (-100_00, 15_00)
    assert isinstance(found.payment_intent, Intent)
    assert found.payment_intent.charge.id == found.charge


def test_evidence_is_kept_until_it_is_submitted(gateway: Gateway, standin: StandIn) -> None:
    ident = disputed(gateway, standin).id
    receipt = gateway.create_file("receipt.pdf", b"%PDF-1.4 " + bytes(range(256)), "f")

    gateway.answer_dispute(ident, {"receipt": receipt}, submit=False, key="a")
    kept = gateway.dispute(ident)
    gateway.answer_dispute(ident, {}, submit=True, key="b")
    submitted = gateway.dispute(ident)

    assert (kept.status, kept.evidence_details.has_evidence) == ("needs_response", True)
    assert kept.evidence_details.submission_count == 0
    assert (submitted.status, submitted.evidence_details.submission_count) == ("under_review", 1)


def test_a_dispute_that_is_given_up_is_lost(gateway: Gateway, standin: StandIn) -> None:
    ident = disputed(gateway, standin).id

    gateway.close_dispute(ident, "c")

    assert gateway.dispute(ident).status == "lost"


def test_a_file_goes_to_stripes_own_address_for_files_under_its_key() -> None:
    gateway, client = scripted((200, {"id": "file_1"}))

    assert gateway.create_file('a "b".pdf', b"%PDF\r\n--x", "k") == "file_1"

    ((method, url, headers, body),) = client.sent
    assert (method, url) == ("post", "https://files.stripe.com/v1/files")
    assert headers["idempotency-key"] == "k"
    assert headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b"dispute_evidence" in body
    assert b"%PDF\r\n--x" in body


def test_what_was_written_as_evidence_is_in_no_value_that_comes_back() -> None:
    body = {
        "id": "du_1",
        "status": "needs_response",
        "amount": 1,
        "currency": "eur",
        "charge": "ch_1",
        "created": 1,
        "livemode": False,
        "reason": "general",
        "evidence": {"uncategorized_text": "canary"},
    }
    gateway, _ = scripted((200, body))

    assert "canary" not in repr(gateway.dispute("du_1"))
