"""Stripe's events, and the webhook endpoints that get them."""

from collections.abc import Iterable, Iterator
from typing import Any

from payments.doors.stripe_api.transport import API_VERSION, PAGE, Transport
from payments.facts.event import APPLIED, Fetched
from payments.facts.stripe_accounts import Event, WebhookEndpoint

#: The event types that an account's own endpoint gets.
EVENTS = tuple(kind for kind, fetched in APPLIED.items() if fetched is not Fetched.ACCOUNT)


class Events(Transport):
    """Requests about events and endpoints."""

    def create_endpoint(
        self, url: str, events: Iterable[str], key: str, **params: Any
    ) -> WebhookEndpoint:
        """Create a webhook endpoint whose events have our own API version."""
        usual = {"url": url, "enabled_events": list(events), "api_version": API_VERSION}
        return self._write(WebhookEndpoint, "/v1/webhook_endpoints", {**usual, **params}, key)

    def update_endpoint(self, endpoint: str, events: Iterable[str]) -> None:
        """Send an endpoint of an earlier version all event types that are applied now."""
        params = {"enabled_events": list(events)}
        self._request("post", f"/v1/webhook_endpoints/{endpoint}", params)

    def delete_endpoint(self, endpoint: str) -> None:
        """Delete a webhook endpoint; one that is gone already counts as deleted."""
        self._delete(f"/v1/webhook_endpoints/{endpoint}")

    def endpoints(self) -> Iterator[WebhookEndpoint]:
        """Yield the account's webhook endpoints; Stripe allows sixteen."""
        answer = self._request("get", "/v1/webhook_endpoints", {"limit": PAGE})
        yield from (WebhookEndpoint.model_validate(entry) for entry in answer["data"])

    def undelivered_events(self, since: int, after: str | None) -> tuple[list[Event], str | None]:
        """Return events that some endpoint has not taken yet, newest first, and the next cursor."""
        wanted = {"created": {"gte": since}, "delivery_success": False}
        return self._page(Event, "/v1/events", wanted, after)

    def latest_event(self) -> Event | None:
        """Return the latest event of a type that our endpoint gets, or None."""
        told, _ = self._page(Event, "/v1/events", {}, None)
        return next((event for event in told if event.type in EVENTS), None)
