"""Read Stripe's events, our notices, and the subscriptions to our events."""

from payments.doors.keys import partition
from payments.doors.rows.reading import Reading, read
from payments.facts.event import InboxEvent
from payments.facts.notification import Notification
from payments.facts.subscription import Delivery, SigningSecret, Subscription


class Events(Reading):
    """Reads the inbox, the outbox and the subscriptions."""

    def event(self, tenant: str, account: str, mode: str, event: str) -> InboxEvent | None:
        """Return a stored event, or None."""
        return self._find(
            InboxEvent, partition(tenant, "EVT", f"{account}:{mode}:{event}"), "EVENT"
        )

    def notification(
        self, tenant: str, about: str, subject: str, ident: str
    ) -> Notification | None:
        """Return a notice, or None."""
        return self._find(Notification, partition(tenant, about, subject), f"NOTICE#{ident}")

    def subscriptions(self, tenant: str) -> list[Subscription]:
        """Return all subscriptions that the tenant ever had, oldest first."""
        rows = self._table.query(partition(tenant, "SUB", "own"), "SUBSCRIPTION#")
        return [read(Subscription, row) for row in rows]

    def subscription(self, tenant: str, subscription: str) -> Subscription:
        """Return the subscription or raise NotFound."""
        home = partition(tenant, "SUB", "own")
        return self._require(Subscription, "subscription", home, f"SUBSCRIPTION#{subscription}")

    def signing_secret(self, tenant: str, subscription: str) -> SigningSecret:
        """Return the secret that signs a subscription's events, or raise NotFound."""
        home = partition(tenant, "SUB", subscription)
        return self._require(SigningSecret, "signing secret", home, "SECRET")

    def delivery(self, tenant: str, subscription: str, delivery: str) -> Delivery:
        """Return the delivery or raise NotFound."""
        home = partition(tenant, "SUB", subscription)
        return self._require(Delivery, "delivery", home, f"DELIVERY#{delivery}")

    def deliveries(
        self, tenant: str, subscription: str, *, limit: int, cursor: str | None
    ) -> tuple[list[Delivery], str | None]:
        """Return a page of a subscription's deliveries, newest first."""
        home = f"T#{tenant}#delivery#{subscription}"
        return self._page(Delivery, home, limit, cursor, {})
