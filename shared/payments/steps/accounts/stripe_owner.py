"""Whose a Stripe account is here: one account's of one tenant, in each mode."""

import re

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.secrets import SecretMissing
from payments.doors.store import Change, change
from payments.errors import StripeAccountTaken, StripePermissionMissing
from payments.facts.account import Account
from payments.facts.connection import ConnectedAccount
from payments.steps.retry import retrying

_ENDPOINT = re.compile(r"/webhooks/stripe/(acc_[0-9a-z]{26})/(test|live)")


def holder_of(stripe_account: str, mode: str, doors: Doors) -> Account | None:
    """Return the account that is, or was, connected to a Stripe account in a mode, or None."""
    pointer = doors.store.find_connected(mode, stripe_account)
    return doors.store.account(pointer.tenant, pointer.account) if pointer else None


def heard_by(gateway: Gateway, base_url: str, mode: str, doors: Doors) -> Account | None:
    """
    Return the account of ours whose endpoint stands at Stripe, or None.

    So a restricted key that may not read its own account still tells whose it is.
    """
    try:
        there = [found.url for found in gateway.endpoints() if found.url.startswith(base_url)]
    except StripePermissionMissing:
        return None
    for url in there:
        named = _ENDPOINT.fullmatch(url.removeprefix(base_url))
        if named and named[2] == mode and (tenant := _listener(named[1], mode, doors)):
            return doors.store.account(tenant, named[1])
    return None


def require_unconnected(holder: Account | None, tenant: str, account: str, mode: str) -> None:
    """Refuse a Stripe account that another account here uses: each payment has one home."""
    if not holder or holder.id == account or not holder.uses(mode):
        return
    if holder.tenant != tenant:
        raise StripeAccountTaken("This Stripe account is connected elsewhere: disconnect it there.")
    way = "by its keys " if holder.method == "api_keys" else ""
    raise StripeAccountTaken(
        f"This Stripe account is connected {way}as {holder.name}.", account=holder.id
    )


def held_by(
    account: Account, stripe_account: str, mode: str, doors: Doors
) -> list[Change[ConnectedAccount]]:
    """
    Return what makes a Stripe account this account's; nothing, where it is so already.

    To be written with the account. Raise StripeAccountTaken while another one uses it.
    """
    known = doors.store.find_connected(mode, stripe_account)
    if known and (known.tenant, known.account) == (account.tenant, account.id):
        return []
    if known:
        holder = doors.store.account(known.tenant, known.account)
        require_unconnected(holder, account.tenant, account.id, mode)
    pointer = ConnectedAccount(
        mode=mode, stripe_account=stripe_account, tenant=account.tenant, account=account.id
    )
    return [change(pointer, known)]


def hold(account: Account, stripe_account: str, mode: str, doors: Doors) -> None:
    """Make a Stripe account this account's from now on, or raise StripeAccountTaken."""

    def step() -> None:
        if owned := held_by(account, stripe_account, mode, doors):
            doors.store.write(*owned)

    retrying(step, doors, detail="Another request connects it; send this one again.")


def _listener(account: str, mode: str, doors: Doors) -> str | None:
    try:
        return doors.secrets.webhook_now(account, mode).get("tenant")
    except SecretMissing:
        return None
