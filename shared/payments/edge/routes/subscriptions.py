"""/v1/subscriptions: signed events for a tenant's own systems."""

from datetime import datetime
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import BaseModel, Field

from payments.cases.notifications import subscriptions
from payments.edge import api, runtime
from payments.facts.subscription import (
    Delivery,
    DeliveryStatus,
    Subscription,
    SubscriptionStatus,
    Type,
)

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


class Subscribe(api.Body):
    """The address that events are sent to, and their types."""

    url: Annotated[str, Field(min_length=1, max_length=2000)]
    types: Annotated[tuple[Type, ...], Field(min_length=1, max_length=20)]


class SubscriptionOut(BaseModel):
    """`failing_since` is set while the receiver takes nothing; after five days it is disabled."""

    id: str
    url: str
    types: list[str]
    status: SubscriptionStatus
    status_reason: str | None
    created_at: datetime
    failing_since: datetime | None


class SubscriptionMade(SubscriptionOut):
    """
    A new subscription with its signing secret, which only this answer and its repeats hold.

    A repeat after a rotation of the secret has none.
    """

    secret_version: int
    signing_secret: str | None = None


class SecretMade(BaseModel):
    """The new secret; for a day the former one signs, too."""

    subscription: str
    secret_version: int
    signing_secret: str | None = None


class SubscriptionList(BaseModel):
    """The subscriptions that were not removed."""

    data: list[SubscriptionOut]


class DeliveryOut(BaseModel):
    """An event on its way; `last_status` is the receiver's last answer, if there was one."""

    id: str
    event: str
    type: str
    status: DeliveryStatus
    attempts: int
    created_at: datetime
    last_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    next_attempt_at: datetime | None


class DeliveryPage(BaseModel):
    """A page of deliveries, newest first; they are kept for 30 days."""

    data: list[DeliveryOut]
    next_cursor: str | None


@router.post("/v1/subscriptions", status_code=201)
def subscribe(body: Subscribe) -> Response[SubscriptionMade]:
    """Subscribe an address to events."""

    def work(name: str) -> SubscriptionMade:
        made = subscriptions.subscribe(
            name, body.url, body.types, caller=api.caller(router), doors=runtime.doors()
        )
        return SubscriptionMade(**_show(made).model_dump(), secret_version=1)

    return api.answer_once(router, "sub", 201, work, tell=lambda kept: _tell(kept, kept["id"]))


@router.get("/v1/subscriptions")
def list_subscriptions() -> SubscriptionList:
    """List the subscriptions that were not removed."""
    found = runtime.store().subscriptions(api.caller(router).tenant)
    standing = [each for each in found if each.status is not SubscriptionStatus.REMOVED]
    return SubscriptionList(data=[_show(each) for each in standing])


@router.delete("/v1/subscriptions/<subscription_id>")
def remove_subscription(subscription_id: api.PathName) -> SubscriptionOut:
    """End a subscription; events that are on their way to it are not sent either."""
    caller, doors = api.caller(router), runtime.doors()
    return _show(subscriptions.remove(subscription_id, caller=caller, doors=doors))


@router.post("/v1/subscriptions/<subscription_id>/secret/rotate")
def rotate_signing_secret(subscription_id: api.PathName) -> Response[SecretMade]:
    """Make a new signing secret; for 24 hours each event carries both signatures."""

    def work(request: str) -> SecretMade:
        number = subscriptions.rotate(
            request, subscription_id, caller=api.caller(router), doors=runtime.doors()
        )
        return SecretMade(subscription=subscription_id, secret_version=number)

    return api.answer_once(router, "rot", 200, work, tell=lambda kept: _tell(kept, subscription_id))


@router.get("/v1/subscriptions/<subscription_id>/deliveries")
def list_deliveries(
    subscription_id: api.PathName,
    limit: api.Limit = 20,
    cursor: api.Cursor = None,
) -> DeliveryPage:
    """List the events for a subscription: sent, to be sent, or failed."""
    tenant, store = api.caller(router).tenant, runtime.store()
    target = store.subscription(tenant, subscription_id)
    found, following = store.deliveries(tenant, target.id, limit=limit, cursor=cursor)
    return DeliveryPage(data=[_delivery(each) for each in found], next_cursor=following)


@router.post(
    "/v1/subscriptions/<subscription_id>/deliveries/<delivery_id>/redeliver", status_code=202
)
def redeliver(subscription_id: api.PathName, delivery_id: api.PathName) -> Response[DeliveryOut]:
    """Send an event again within a minute, even to a disabled receiver: a success enables it."""

    def work(_: str) -> DeliveryOut:
        caller, doors = api.caller(router), runtime.doors()
        return _delivery(
            subscriptions.redeliver(subscription_id, delivery_id, caller=caller, doors=doors)
        )

    return api.answer_once(router, "rdl", 202, work, moves_money=False)


def _tell(kept: dict[str, Any], name: str) -> dict[str, Any]:
    """Add the secret, which no stored answer holds."""
    caller, doors = api.caller(router), runtime.doors()
    number = kept["secret_version"]
    return kept | {
        "signing_secret": subscriptions.tell_secret(name, number, caller=caller, doors=doors)
    }


def _show(found: Subscription) -> SubscriptionOut:
    return SubscriptionOut.model_validate(found.model_dump(exclude={"tenant", "version"}))


def _delivery(found: Delivery) -> DeliveryOut:
    return DeliveryOut(**found.model_dump(), next_attempt_at=found.sweep_at)
