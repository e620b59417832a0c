"""Profiles, grants and customers: the rows that say who may pay, and how."""

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.errors import StripeAccountRequired, VersionMismatch
from payments.facts.account import Account
from payments.facts.caller import Caller
from payments.facts.customer import Customer
from payments.facts.module import PERMISSIONS, USUAL, Grant, Permission
from payments.steps.customers.told_stripe import tell_stripe
from payments.steps.retry import retrying

KEEPS_CHANGING = "What the profile may do keeps changing; send the request again."


def set_grant(
    profile: str,
    module_id: str,
    permissions: tuple[Permission, ...] | None,
    *,
    caller: Caller,
    doors: Doors,
) -> Grant:
    """Grant a profile exactly these uses of a module from the next request on; return the grant."""
    wanted = tuple(name for name in PERMISSIONS if name in (permissions or USUAL))

    def step() -> Grant:
        doors.store.module(caller.tenant, module_id)
        known = doors.store.grant(caller.tenant, profile, module_id)
        stands = known if known and not known.removed_at else None
        if stands and stands.permissions == wanted:
            return stands
        grant = Grant(
            tenant=caller.tenant,
            profile=profile,
            module=module_id,
            granted_at=stands.granted_at if stands else doors.now(),
            permissions=wanted,
        )
        return doors.store.save(grant, known)

    return retrying(step, doors, detail=KEEPS_CHANGING)


def remove_grant(profile: str, module_id: str, *, caller: Caller, doors: Doors) -> Grant:
    """Remove a profile's grant of a module; it ends with the next request."""

    def step() -> Grant:
        doors.store.module(caller.tenant, module_id)
        known = doors.store.grant(caller.tenant, profile, module_id)
        if known and not known.removed_at:
            return doors.store.save(known.having(removed_at=doors.now()), known)
        never = Grant(
            tenant=caller.tenant,
            profile=profile,
            module=module_id,
            granted_at=doors.now(),
            removed_at=doors.now(),
        )
        return known or never

    return retrying(step, doors, detail=KEEPS_CHANGING)


def put_customer(
    ref: str,
    name: str,
    email: str | None,
    locale: str | None,
    *,
    online_payment_enabled: bool,
    caller: Caller,
    doors: Doors,
) -> Customer:
    """
    Create or replace what is known of a customer, and return it.

    Online payment needs a connected account first.
    """
    if online_payment_enabled and not _has_active_account(caller.tenant, doors):
        raise StripeAccountRequired("Connect a Stripe account before a customer may pay online.")
    known = doors.store.find_customer(caller.tenant, ref)
    if known:
        known.require_known()
    asked = {
        "locale": locale,
        "online_payment_enabled": online_payment_enabled,
    }
    named = {"ref": ref, "tenant": caller.tenant, "name": name, "email": email}
    new = (
        known.named(name, email).having(**asked)
        if known
        else Customer(created_at=doors.now(), **named, **asked)
    )
    try:
        return tell_stripe(doors.store.save(new, known), doors)
    except RowChanged:
        raise VersionMismatch(f"Customer {ref} was changed at the same time.") from None


def _has_active_account(tenant: str, doors: Doors) -> bool:
    cursor = None
    while True:
        accounts, cursor = doors.store.page(Account, tenant, limit=100, cursor=cursor)
        if any(account.active_modes for account in accounts):
            return True
        if cursor is None:
            return False
