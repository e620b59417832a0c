"""
The door to Stripe: the official SDK in, small frozen values out.

Requests go through `StripeClient.raw_request`: the SDK's transport, retries, versioning and errors
without its objects, whose construction costs twenty times the parsing of the answer.
"""

import io
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from copy import copy
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import Any, NoReturn, Protocol, TypeVar

import stripe
from pydantic import BaseModel
from stripe import oauth_error

from payments.errors import (
    StripeAccountError,
    StripePermissionMissing,
    StripeRequestRefused,
    StripeUnavailable,
)
from payments.facts.attempt import Attempt, Decline, WayBack
from payments.facts.refund import Refund
from payments.facts.stripe_objects import (
    CardRefused,
    Charge,
    ConnectedStripeAccount,
    Event,
    FailedAtStripe,
    Intent,
    OutcomeUnknown,
    PaymentMethod,
    Session,
    SetupIntent,
    StripeCustomer,
    StripeDispute,
    StripeRefund,
    Value,
    WebhookEndpoint,
)

API_VERSION = stripe.api_version
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 2, 8
RETRIES = 1
PAGE = 100
#: Stripe's code for a platform that may not act for an account, or not any more.
ACCESS_LOST = "account_invalid"

#: What the endpoint at Stripe sends us: exactly what `applying` knows to use.
EVENTS = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.canceled",
    "charge.updated",
    "charge.refunded",
    "charge.refund.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "setup_intent.succeeded",
    "payment_method.detached",
    "payment_method.updated",
    "payment_method.automatically_updated",
    "customer.deleted",
)

_INTENT_EXPAND = ["latest_charge.balance_transaction"]
_DISPUTE_EXPAND = ["payment_intent.latest_charge.balance_transaction"]
_SESSION_EXPAND = [
    "payment_intent.latest_charge.balance_transaction",
    "setup_intent.payment_method",
]

#: Whose a refund is, and the payment itself, should nobody have told of it yet.
_REFUND_EXPAND = [
    "payment_intent.latest_charge.balance_transaction",
    "payment_intent.latest_charge.application_fee",
]

T = TypeVar("T", bound=BaseModel)

# Without this the SDK writes request timings to a file and sends them along.
stripe.enable_telemetry = False
# At INFO, Lambda's default, the SDK logs addresses with what is in their query: client secrets.
logging.getLogger("stripe").setLevel(logging.WARNING)


class _Page(Value):
    data: list[Intent]
    has_more: bool


class _EventPage(Value):
    data: list[Event]
    has_more: bool


class _SessionPage(Value):
    data: list[Session]
    has_more: bool


class _RefundPage(Value):
    data: list[StripeRefund]
    has_more: bool


class _DisputePage(Value):
    data: list[StripeDispute]
    has_more: bool


class Owner(Protocol):
    """Who answers for a key: told at once when Stripe refuses it."""

    def renewed(self) -> str | None:
        """Return the key that has replaced it, or None."""

    def refused(self) -> None:
        """Hear that Stripe refuses every key there is."""

    def not_permitted(self) -> None:
        """Hear that the key is good, but may not do what it was asked to do."""


class _Upload(io.BytesIO):
    """A file as the SDK's multipart wants it: readable, and with a name."""

    def __init__(self, name: str, content: bytes) -> None:
        super().__init__(content)
        self.name = name


Connections = stripe.HTTPClient


def connections() -> Connections:
    """Return what connects to Stripe, within limits that fit into one request of ours."""
    return stripe.RequestsClient(timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S))


class Gateway:
    """
    One merchant's Stripe account, through one pair of keys.

    With `stripe_account` the key is the platform's, and what is done is done there: direct charges,
    whose money is the merchant's from the first.
    """

    def __init__(
        self,
        secret_key: str,
        *,
        api_base: str,
        http_client: Connections,
        stripe_account: str | None = None,
    ) -> None:
        """Make a client of its own: nothing about a merchant is ever global."""
        bases = {"api": api_base, "connect": api_base, "files": api_base} if api_base else None
        self._open = partial(
            stripe.StripeClient,
            stripe_account=stripe_account,
            stripe_version=API_VERSION,
            base_addresses=bases,  # type: ignore[arg-type]
            http_client=http_client,
            max_network_retries=RETRIES,
        )
        self._client = self._open(secret_key)
        self._owner: Owner | None = None

    def watched_by(self, owner: Owner) -> "Gateway":
        """Return the same with somebody who answers for its key."""
        watched = copy(self)
        watched._owner = owner  # noqa: SLF001 - it is one of us
        return watched

    def create_intent(self, attempt: Attempt, number: str) -> Intent:
        """
        Create the attempt's PaymentIntent, unconfirmed: no money can move yet.

        A payer who is there confirms it in their own browser.
        """
        params = {
            "amount": attempt.charged,
            "currency": attempt.currency,
            "customer": attempt.stripe_customer,
            "payment_method": attempt.payment_method,
            "automatic_payment_methods": _methods(attempt),
            **_described(attempt, number),
            **_kept(attempt),
        }
        return self._write(Intent, "/v1/payment_intents", params, attempt.stripe_key("create"))

    def confirm_intent(self, attempt: Attempt) -> Intent:
        """Let the money move, without the customer present. Raise CardRefused if it did not."""
        params = {"off_session": True, "expand": _INTENT_EXPAND}
        path = f"/v1/payment_intents/{attempt.payment_intent}/confirm"
        return self._write(Intent, path, params, attempt.stripe_key("confirm"))

    def intent(self, intent: str) -> Intent:
        """Return the PaymentIntent as it is now."""
        return self._read(Intent, f"/v1/payment_intents/{intent}", {"expand": _INTENT_EXPAND})

    def fence_intent(self, intent: str) -> Intent:
        """
        Cancel the PaymentIntent unless it is too late, and return what it has become.

        After a cancel no charge can succeed any more; a cancel that Stripe refuses means that the
        intent has already ended, or is processing. A cancel does no harm twice, and under a key of
        its own Stripe would repeat a failure for a day, so each one is a new request.
        """
        try:
            self._request("post", f"/v1/payment_intents/{intent}/cancel", {})
        except StripeRequestRefused as refusal:
            if refusal.members.get("stripe_code") != "payment_intent_unexpected_state":
                raise
        return self.intent(intent)

    def try_payment(
        self, amount: int, currency: str, card: str, metadata: Mapping[str, str], key: str
    ) -> Intent:
        """Try a payment of test mode that is nobody's. Raise CardRefused if it was declined."""
        params = {
            "amount": amount,
            "currency": currency,
            "payment_method": card,
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "description": "Receivable certification, test mode",
            "metadata": metadata,
            "expand": _INTENT_EXPAND,
        }
        return self._write(Intent, "/v1/payment_intents", params, key)

    def refund_trial(
        self, intent: str, amount: int, metadata: Mapping[str, str], key: str
    ) -> StripeRefund:
        """Give back a part of such a payment."""
        params = {"payment_intent": intent, "amount": amount, "metadata": metadata}
        return self._write(StripeRefund, "/v1/refunds", params, key)

    def charge(self, charge: str) -> Charge:
        """Return the charge as it is now."""
        return self._read(Charge, f"/v1/charges/{charge}", {"expand": ["balance_transaction"]})

    def intents(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[list[Intent], str | None]:
        """Return the PaymentIntents created in the window, newest first, and the next cursor."""
        params = {
            "created": _window(since, until),
            "limit": PAGE,
            "starting_after": after,
            "expand": ["data.latest_charge.balance_transaction"],
        }
        page = self._read(_Page, "/v1/payment_intents", params)
        return page.data, page.data[-1].id if page.has_more and page.data else None

    def create_refund(self, refund: Refund) -> StripeRefund:
        """Give money of a charge back; the same refund on every replay."""
        metadata = {
            "tenant": refund.tenant,
            "invoice": refund.invoice,
            "payment": refund.payment,
            "refund": refund.id,
        }
        params = {
            "charge": refund.charge,
            "amount": refund.amount,
            "metadata": metadata,
            # In proportion; a refund that says nothing leaves the platform its fee.
            "refund_application_fee": refund.returns_fee or None,
            "expand": _REFUND_EXPAND,
        }
        return self._write(StripeRefund, "/v1/refunds", params, refund.stripe_key)

    def refund(self, refund: str) -> StripeRefund:
        """Return the refund as it is now."""
        return self._read(StripeRefund, f"/v1/refunds/{refund}", {"expand": _REFUND_EXPAND})

    def refunds_of(self, charge: str) -> Iterator[StripeRefund]:
        """Yield all refunds of a charge, whoever made them, newest first."""
        cursor: str | None = ""
        while cursor is not None:
            found, cursor = self._refunds({"charge": charge}, cursor or None)
            yield from found

    def refunds(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[list[StripeRefund], str | None]:
        """Return the refunds made in the window, newest first, and the next cursor."""
        return self._refunds({"created": _window(since, until)}, after)

    def _refunds(
        self, wanted: Mapping[str, Any], after: str | None
    ) -> tuple[list[StripeRefund], str | None]:
        expand = [f"data.{path}" for path in _REFUND_EXPAND]
        params = {**wanted, "limit": PAGE, "starting_after": after, "expand": expand}
        page = self._read(_RefundPage, "/v1/refunds", params)
        return page.data, page.data[-1].id if page.has_more and page.data else None

    def undelivered_events(self, since: int, after: str | None) -> tuple[list[Event], str | None]:
        """Return events that an endpoint has not taken yet, newest first, and the next cursor."""
        params = {
            "created": {"gte": since},
            "delivery_success": False,
            "limit": PAGE,
            "starting_after": after,
        }
        page = self._read(_EventPage, "/v1/events", params)
        return page.data, page.data[-1].id if page.has_more and page.data else None

    def dispute(self, dispute: str) -> StripeDispute:
        """Return the dispute as it is now, with the payment that it is about."""
        return self._read(StripeDispute, f"/v1/disputes/{dispute}", {"expand": _DISPUTE_EXPAND})

    def disputes(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[list[StripeDispute], str | None]:
        """Return the disputes opened in the window, newest first, and the next cursor."""
        params = {
            "created": _window(since, until),
            "limit": PAGE,
            "starting_after": after,
            "expand": [f"data.{path}" for path in _DISPUTE_EXPAND],
        }
        page = self._read(_DisputePage, "/v1/disputes", params)
        return page.data, page.data[-1].id if page.has_more and page.data else None

    def answer_dispute(
        self, dispute: str, evidence: Mapping[str, str], *, submit: bool, key: str
    ) -> None:
        """Keep evidence with the dispute; `submit` sends all that is kept to the bank, once."""
        params = {"evidence": evidence or None, "submit": submit}
        self._write(_Id, f"/v1/disputes/{dispute}", params, key)

    def close_dispute(self, dispute: str, key: str) -> None:
        """Give the dispute up; this cannot be undone."""
        self._write(_Id, f"/v1/disputes/{dispute}/close", {}, key)

    def create_file(self, name: str, content: bytes, key: str) -> str:
        """Upload a piece of evidence and return its id."""
        params = {"purpose": "dispute_evidence", "file": _Upload(name, content)}
        options = {"base": "files", "content_type": "multipart/form-data"}
        return _Id.model_validate(self._request("post", "/v1/files", params, key, **options)).id

    def create_session(self, attempt: Attempt, number: str, back: WayBack) -> Session:
        """
        Create the attempt's hosted Checkout Session.

        Its end is fixed by the attempt, so a replay is the same.
        """
        described = _described(attempt, number)
        product = {"name": described["description"]}
        price = {
            "currency": attempt.currency,
            "unit_amount": attempt.amount,
            "product_data": product,
        }
        params = {
            "mode": "payment",
            "customer": attempt.stripe_customer,
            "client_reference_id": attempt.invoice,
            "line_items": [{"quantity": 1, "price_data": price}, *_surcharge(attempt)],
            "payment_intent_data": described | _kept(attempt),
            "metadata": described["metadata"],
            "success_url": back.success_url,
            "cancel_url": back.cancel_url,
            "locale": attempt.locale and attempt.locale.partition("-")[0],
            "expires_at": int(attempt.session_expires_at().timestamp()),
            # A filter on what Stripe would show (dynamic payment methods), not a list of it.
            "allowed_payment_method_types": list(attempt.methods) or None,
        }
        return self._write(Session, "/v1/checkout/sessions", params, attempt.stripe_key("session"))

    def session(self, session: str) -> Session:
        """Return the Checkout Session as it is now, with its payment or its saved card."""
        return self._read(Session, f"/v1/checkout/sessions/{session}", {"expand": _SESSION_EXPAND})

    def sessions(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[list[Session], str | None]:
        """Return the Checkout Sessions made in the window, newest first, and the next cursor."""
        params = {"created": _window(since, until), "limit": PAGE, "starting_after": after}
        page = self._read(_SessionPage, "/v1/checkout/sessions", params)
        return page.data, page.data[-1].id if page.has_more and page.data else None

    def fence_session(self, session: str) -> Session:
        """Expire the session unless it has ended, and return what it has become; as above."""
        try:
            self._request("post", f"/v1/checkout/sessions/{session}/expire", {})
        except StripeRequestRefused as refusal:
            if refusal.members.get("stripe_code") == "resource_missing":
                raise
        return self.session(session)

    def create_setup_session(self, params: Mapping[str, Any], key: str) -> Session:
        """Create a hosted page that saves a card and charges nothing."""
        return self._write(Session, "/v1/checkout/sessions", {"mode": "setup", **params}, key)

    def create_customer(self, params: Mapping[str, Any], key: str) -> str:
        """Create a Stripe customer and return its id."""
        return self._write(_Id, "/v1/customers", params, key).id

    def customer(self, customer: str) -> StripeCustomer:
        """Return what is left of a customer."""
        return self._read(StripeCustomer, f"/v1/customers/{customer}", {})

    def delete_customer(self, customer: str) -> None:
        """Delete a customer with all their cards; one that is gone already counts as deleted."""
        try:
            self._request("delete", f"/v1/customers/{customer}", {})
        except StripeRequestRefused as refusal:
            if refusal.members.get("stripe_code") != "resource_missing":
                raise

    def payment_method(self, payment_method: str) -> PaymentMethod:
        """Return a saved card as it is now; of a detached one, `customer` is None."""
        return self._read(PaymentMethod, f"/v1/payment_methods/{payment_method}", {})

    def detach(self, payment_method: str) -> None:
        """Take a card from its customer for good; one that is detached already stays so."""
        try:
            self._request("post", f"/v1/payment_methods/{payment_method}/detach", {})
        except StripeRequestRefused:
            if self.payment_method(payment_method).customer:
                raise

    def setup_intent(self, setup_intent: str) -> SetupIntent:
        """Return the SetupIntent as it is now, with the card that it saved."""
        expand = {"expand": ["payment_method"]}
        return self._read(SetupIntent, f"/v1/setup_intents/{setup_intent}", expand)

    def create_endpoint(self, url: str, metadata: Mapping[str, str], key: str) -> WebhookEndpoint:
        """Create a webhook endpoint whose events are rendered at our own API version."""
        params = {
            "url": url,
            "enabled_events": list(EVENTS),
            "api_version": API_VERSION,
            "description": "Receivable",
            "metadata": metadata,
        }
        return self._write(WebhookEndpoint, "/v1/webhook_endpoints", params, key)

    def update_endpoint(self, endpoint: str) -> None:
        """Let an endpoint of an earlier version hear all events that this one can apply."""
        params = {"enabled_events": list(EVENTS)}
        self._request("post", f"/v1/webhook_endpoints/{endpoint}", params)

    def delete_endpoint(self, endpoint: str) -> None:
        """Delete a webhook endpoint."""
        self._request("delete", f"/v1/webhook_endpoints/{endpoint}", {})

    def endpoints(self) -> Iterator[WebhookEndpoint]:
        """Yield the account's webhook endpoints; Stripe allows sixteen."""
        answer = self._request("get", "/v1/webhook_endpoints", {"limit": PAGE})
        yield from (WebhookEndpoint.model_validate(entry) for entry in answer["data"])

    def create_setup_intent(self, key: str, params: Mapping[str, Any] | None = None) -> SetupIntent:
        """Create a SetupIntent; one without `params` nobody will ever confirm."""
        return self._write(SetupIntent, "/v1/setup_intents", params or {}, key)

    def cancel_setup_intent(self, setup_intent: str) -> None:
        """Cancel a SetupIntent that nobody will confirm; one that is left over harms nobody."""
        with suppress(StripeRequestRefused, OutcomeUnknown):
            self._request("post", f"/v1/setup_intents/{setup_intent}/cancel", {})

    def sees_setup_intent(self, setup_intent: SetupIntent) -> bool:
        """Say whether this key, perhaps a publishable one, is of the account that made it."""
        params = {"client_secret": setup_intent.client_secret}
        try:
            self._read(SetupIntent, f"/v1/setup_intents/{setup_intent.id}", params)
        except StripeRequestRefused:
            return False
        return True

    def account_id(self) -> str | None:
        """Return `acct_...`, or None where a restricted key may not know it."""
        found = self.own_account()
        return found.id if found else None

    def own_account(self) -> ConnectedStripeAccount | None:
        """Return the account that the key is of, or None where a restricted key may not know it."""
        try:
            return self._read(ConnectedStripeAccount, "/v1/account", {})
        except StripePermissionMissing:
            return None

    def latest_event(self) -> Event | None:
        """Return the last event that an endpoint of ours hears of, if there was one lately."""
        page = self._read(_EventPage, "/v1/events", {"limit": PAGE})
        return next((event for event in page.data if event.type in EVENTS), None)

    def clock(self) -> datetime | None:
        """Return what time it is at Stripe, to the second."""
        told = self._respond("get", "/v1/webhook_endpoints", {"limit": 1}).headers.get("date")
        return parsedate_to_datetime(told) if told else None

    def is_permitted(self, method: str, path: str) -> bool:
        """
        Say whether the key may make this request, without doing anything.

        Stripe looks at the permission before the parameters, so a write without any, or of an
        object that cannot exist, is refused as 403 or as something else.
        """
        params = {"limit": 1} if method == "get" else {}
        try:
            self._request(method, path, params)
        except StripePermissionMissing:
            return False
        except StripeRequestRefused:
            return True
        return True

    def _read(self, kind: type[T], path: str, params: Mapping[str, Any]) -> T:
        return kind.model_validate(self._request("get", path, params))

    def _write(self, kind: type[T], path: str, params: Mapping[str, Any], key: str) -> T:
        return kind.model_validate(self._request("post", path, params, key))

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        key: str | None = None,
        **options: Any,
    ) -> Any:
        return self._respond(method, path, params, key, **options).data

    def _respond(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        key: str | None = None,
        **options: Any,
    ) -> Any:
        sent = {name: value for name, value in params.items() if value is not None}
        options |= {"idempotency_key": key} if key else {}
        try:
            return self._send(method, path, sent, options)
        except stripe.StripeError as error:
            self._tell(error)
            _refuse(method, error)

    def _send(
        self, method: str, path: str, sent: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Any:
        """
        Send a request; one that the key was refused for once more, if there is another key.

        Nothing was done by the first, and the second carries the same idempotency key.
        """
        try:
            return self._client.raw_request(method, path, **sent, **options)
        except stripe.AuthenticationError:
            key = self._owner.renewed() if self._owner else None
            if not key:
                raise
        self._client = self._open(key)
        for upload in sent.values():
            if isinstance(upload, _Upload):
                upload.seek(0)
        return self._client.raw_request(method, path, **sent, **options)

    def _tell(self, error: stripe.StripeError) -> None:
        """Tell the key's owner of a refusal that only they can mend."""
        if not self._owner:
            return
        if isinstance(error, stripe.AuthenticationError) or error.code == ACCESS_LOST:
            self._owner.refused()
        elif isinstance(error, stripe.PermissionError):
            self._owner.not_permitted()


class _Id(Value):
    id: str


def _window(since: datetime, until: datetime) -> dict[str, int]:
    return {"gte": int(since.timestamp()), "lt": int(until.timestamp())}


def _described(attempt: Attempt, number: str) -> dict[str, Any]:
    """Return what makes Stripe's Dashboard and the payer's statement speak of the invoice."""
    described: dict[str, Any] = {
        "description": f"Invoice {number}",
        "metadata": {"tenant": attempt.tenant, "invoice": attempt.invoice, "attempt": attempt.id},
    }
    if attempt.application_fee:
        described["application_fee_amount"] = attempt.application_fee
    suffix = statement_suffix(number)
    return {**described, "statement_descriptor_suffix": suffix} if suffix else described


def _surcharge(attempt: Attempt) -> list[dict[str, Any]]:
    """Return the line of the hosted page that says what is paid on top."""
    price = {
        "currency": attempt.currency,
        "unit_amount": attempt.surcharge,
        "product_data": {"name": "Online payment fee"},
    }
    return [{"quantity": 1, "price_data": price}] if attempt.surcharge else []


def _methods(attempt: Attempt) -> dict[str, Any]:
    """Return how it may be paid: nobody can be sent to a bank's page who is not there."""
    return (
        {"enabled": True}
        if attempt.channel.has_payer
        else {"enabled": True, "allow_redirects": "never"}
    )


def _kept(attempt: Attempt) -> dict[str, str]:
    """Return what saves the card for later charges, where its owner has agreed to that."""
    return {"setup_future_usage": "off_session"} if attempt.save_card else {}


def statement_suffix(number: str) -> str | None:
    """
    Return the invoice number as a card statement can show it, or None if nothing can be shown.

    Stripe's rule: up to 22 characters with the account's prefix, at least one letter, and no angle
    brackets, backslashes, quotes or asterisks.
    """
    clean = re.sub(r"[^A-Za-z0-9 .,/_-]", "", number)[-10:].strip()
    return clean if re.search("[A-Za-z]", clean) else f"INV {clean}" if clean else None


def _refuse(method: str, error: stripe.StripeError) -> NoReturn:
    """Translate the SDK's error: certainly nothing, a refusal, or unknown."""
    request = error.request_id
    if isinstance(error, stripe.CardError):
        raise _card_refused(error) from None
    if isinstance(error, stripe.PermissionError) and _code(error) == ACCESS_LOST:
        detail = "Stripe lets this platform act for the account no longer: connect it again."
        raise StripeAccountError(
            detail, stripe_code=ACCESS_LOST, stripe_request_id=request
        ) from None
    if isinstance(error, stripe.PermissionError):
        found = re.search(r"'(rak_[a-z_]+)'", error.user_message or "")
        permission = found[1] if found else None
        detail = (
            f"The key lacks a permission at Stripe: {permission or 'Stripe does not say which'}."
        )
        raise StripePermissionMissing(
            detail, permission=permission, stripe_request_id=request
        ) from None
    if isinstance(error, stripe.AuthenticationError):
        raise StripeAccountError(
            "Stripe refuses the account's key.", stripe_request_id=request
        ) from None
    if isinstance(error, stripe.RateLimitError):
        # The limiter and the object lock both refuse before anything is executed.
        raise StripeUnavailable(
            "Stripe asks for fewer requests.", stripe_request_id=request
        ) from None
    if isinstance(error, stripe.InvalidRequestError | oauth_error.OAuthError) or _is_refusal(error):
        detail = "Stripe refused the request."
        raise StripeRequestRefused(
            detail,
            stripe_code=error.code,
            param=getattr(error, "param", None),
            stripe_request_id=request,
        ) from None
    if method == "get":
        raise StripeUnavailable("Stripe could not be asked.", stripe_request_id=request) from None
    raise _unknown(error.http_status)(request) from None


def _code(error: stripe.StripeError) -> str | None:
    """Return Stripe's code: of a 403 the SDK keeps it in the body only."""
    body: Any = error.json_body
    problem = body.get("error") if isinstance(body, dict) else None
    return problem.get("code") if isinstance(problem, dict) else None


def _is_refusal(error: stripe.StripeError) -> bool:
    """Say whether it is one of the many kinds in which v2 refuses; a 409 may still be under way."""
    refused = {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
    return error.http_status in refused and not isinstance(error, stripe.IdempotencyError)


def _unknown(status: int | None) -> type[OutcomeUnknown]:
    failed = status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return FailedAtStripe if failed else OutcomeUnknown


def _card_refused(error: stripe.CardError) -> CardRefused:
    body: Any = error.json_body
    problem = body["error"] if isinstance(body, dict) else {}
    intent = problem.get("payment_intent") or {}
    charge = intent.get("latest_charge")
    outcome = (charge.get("outcome") if isinstance(charge, dict) else None) or {}
    decline = Decline(
        code=problem.get("code") or "card_declined",
        decline_code=problem.get("decline_code"),
        advice_code=problem.get("advice_code"),
        network_decline_code=problem.get("network_decline_code"),
        outcome_type=outcome.get("type"),
        risk_level=outcome.get("risk_level"),
        charge=problem.get("charge"),
    )
    return CardRefused(decline, intent.get("id"))
