"""Subscriptions to events: an address, its signing secret, and its deliveries."""

from payments.doors.doors import Doors
from payments.errors import InvalidTransition, TooManySubscriptions
from payments.facts.caller import Caller
from payments.facts.subscription import (
    SUBSCRIPTIONS_MAX,
    Delivery,
    DeliveryStatus,
    SigningSecret,
    Subscription,
    SubscriptionStatus,
    require_address,
)


def subscribe(
    name: str, url: str, types: tuple[str, ...], *, caller: Caller, doors: Doors
) -> Subscription:
    """Make a subscription under `name` and return it; a repeat returns the same one."""
    require_address(url, local=doors.outbound.local)
    known = doors.store.subscriptions(caller.tenant)
    made = next((each for each in known if each.id == name), None)
    if made:
        return made
    standing = [each for each in known if each.status is not SubscriptionStatus.REMOVED]
    if len(standing) >= SUBSCRIPTIONS_MAX:
        raise TooManySubscriptions(f"A tenant has {SUBSCRIPTIONS_MAX} subscriptions at most.")
    row = Subscription(
        id=name,
        tenant=caller.tenant,
        url=url,
        types=tuple(dict.fromkeys(types)),
        created_at=doors.now(),
    )
    secret = SigningSecret(
        tenant=caller.tenant, subscription=name, current=_fresh(doors), made_for=name
    )
    doors.store.create(row, secret)
    return row


def rotate(request: str, name: str, *, caller: Caller, doors: Doors) -> int:
    """Make a new signing secret, once for each request, and return its number."""
    _standing(name, caller, doors)
    secret = doors.store.signing_secret(caller.tenant, name)
    if secret.made_for == request:
        return secret.version
    fresh = secret.rotated(_fresh(doors), request, doors.now())
    return doors.store.save(fresh, secret).version


def tell_secret(name: str, number: int, *, caller: Caller, doors: Doors) -> str | None:
    """Return the signing secret that an answer is about, or None if a newer one has replaced it."""
    secret = doors.store.signing_secret(caller.tenant, name)
    return secret.current if secret.version == number else None


def remove(name: str, *, caller: Caller, doors: Doors) -> Subscription:
    """End a subscription and return it; nothing more is sent to its address."""
    found = doors.store.subscription(caller.tenant, name)
    if found.status is SubscriptionStatus.REMOVED:
        return found
    changes = {"status": SubscriptionStatus.REMOVED, "status_reason": None}
    return doors.store.save(found.having(**changes), found)


def redeliver(name: str, delivery: str, *, caller: Caller, doors: Doors) -> Delivery:
    """Have an event sent again within a minute, and return its delivery."""
    _standing(name, caller, doors)
    found = doors.store.delivery(caller.tenant, name, delivery)
    again = {"status": DeliveryStatus.PENDING, "attempts": 0, "asked": True}
    return doors.store.save(found.having(**again, sweep_at=doors.now()), found)


def _standing(name: str, caller: Caller, doors: Doors) -> Subscription:
    found = doors.store.subscription(caller.tenant, name)
    if found.status is SubscriptionStatus.REMOVED:
        raise InvalidTransition("The subscription was removed.")
    return found


def _fresh(doors: Doors) -> str:
    """Return 160 bits that nobody can guess."""
    return doors.new_id("rws") + doors.new_id("")[-16:]
