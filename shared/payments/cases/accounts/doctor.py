"""
The connection doctor: report how an account is, and what has to be done about it.

`health` only reads. `check_due` runs by a schedule, mends what it can, and switches Off the modules
of an account that does not work.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.platform import CONNECT_EVENTS
from payments.doors.secrets import SecretMissing
from payments.doors.stripe_api.events import EVENTS
from payments.doors.stripe_api.transport import API_VERSION
from payments.doors.table import Unreadable
from payments.errors import PaymentsError, StripeAccountError, StripePermissionMissing
from payments.facts.account import IDLE, Account, Endpoint, Slot
from payments.facts.caller import Caller
from payments.facts.health import Health, LastEvent, Listening
from payments.facts.outcome import OutcomeUnknown
from payments.steps.accounts.key_probes import permissions
from payments.steps.accounts.slot_lock import save_and_unlock, slot_locked
from payments.steps.accounts.stripe_status import refresh
from payments.steps.accounts.verification import verify_kept
from payments.steps.accounts.webhook_endpoint import platform_endpoint, retire_former

#: At most this many for each shard and run; the next run takes the rest.
LIMIT = 25
#: A probe of one slot takes seconds; none begins with less time than this.
NEEDS_S = 40
#: A signature is valid within 300 s either way: a clock that is off by this will soon fail.
SKEW_MAX_S = 60
#: An event that is this late has been retried for certain.
LATE = timedelta(minutes=15)


@dataclass(slots=True)
class Checked:
    """What a run found; `left` counts the slots that could not be checked now."""

    well: int = 0
    failing: int = 0
    left: int = 0


def check_due(doors: Doors) -> Checked:
    """
    Verify every slot that is due, and return the counts.

    A slot is due daily, hourly in error, and at once after a first sign of trouble.
    """
    checked = Checked()
    for account in doors.store.due(Account, doors.now(), limit=LIMIT):
        for mode in account.due_modes(doors.now()):
            if doors.time_left() < NEEDS_S:
                return checked
            try:
                found = _check(account, mode, doors)
            except (PaymentsError, OutcomeUnknown, Unreadable):
                # The slot was put off when its check began, so the next run takes it.
                checked.left += 1
                continue
            checked.well += found.is_active
            checked.failing += not found.is_active
    return checked


def _check(account: Account, mode: str, doors: Doors) -> Slot:
    with slot_locked(account.tenant, account.id, mode, doors) as found:
        seen = _seen(found, mode, doors)
        again = seen.slot(mode).next_check(doors.now())
        return save_and_unlock(seen.having_slot(mode, check_at=again), mode, doors).slot(mode)


def _seen(account: Account, mode: str, doors: Doors) -> Account:
    """Ask Stripe about the account, by its own keys or by the platform's, and return it."""
    if account.method != "api_keys":
        return refresh(account.tenant, account.id, mode, doors)
    return _retired(verify_kept(account, mode, doors), mode, doors)


def _retired(account: Account, mode: str, doors: Doors) -> Account:
    """Return the account without former endpoints to which Stripe sends nothing any more."""
    slot = account.slot(mode)
    until = slot.endpoint and slot.endpoint.previous_until
    if not slot.is_active or not until or until > doors.now():
        return account
    return retire_former(account, mode, doors.gateway(account.tenant, account.id, mode), doors)


def health(account_id: str, *, caller: Caller, doors: Doors) -> tuple[Account, dict[str, Health]]:
    """Return an account and its health in each mode; nothing is changed."""
    account = doors.store.account(caller.tenant, account_id)
    return account, {mode: _examine(account, mode, doors) for mode in account.slots}


def _examine(account: Account, mode: str, doors: Doors) -> Health:
    slot = account.slot(mode)
    fields = slot.model_dump(include={"status", "repaired", "repaired_at", "verified_at"})
    seen = Health(mode=mode, status_reason=slot.status_reason, checks=slot.checks, **fields)
    if slot.status in IDLE:
        return seen.with_problem(
            f"The account is {slot.status}.", slot.status_reason or "Go on with connecting it."
        )
    try:
        gateway = doors.gateway(account.tenant, account.id, mode)
        seen = _key(seen, account, mode, doors)
        return _asked(seen, account, gateway, doors)
    except (StripeAccountError, SecretMissing) as refusal:
        return seen.having(checks=()).with_problem(*_why(account, refusal))


def _why(account: Account, refusal: Exception) -> tuple[str, str]:
    """Return why Stripe says nothing about an account, and what to do."""
    if account.method == "api_keys":
        fix = f"Send a key that works: POST /v1/accounts/{account.id}/credentials."
        return "Stripe refuses the secret key.", fix
    lost = isinstance(refusal, StripeAccountError) and "stripe_code" in refusal.members
    if lost:
        return "The merchant has disconnected it at Stripe.", "Have them connect it again."
    return "Stripe refuses the platform's own key.", "Its owner has to store a new one."


def _key(seen: Health, account: Account, mode: str, doors: Doors) -> Health:
    if account.method != "api_keys":
        return seen
    key = doors.secrets.keys(account.tenant, account.id, mode)["secret_key"]
    kind = "restricted" if key.startswith("rk_") else "secret"
    return seen.having(key_kind=kind, key_mode="live" if "_live_" in key[:9] else "test")


def _asked(seen: Health, account: Account, gateway: Gateway, doors: Doors) -> Health:
    if account.method == "api_keys":
        seen = _permissions(seen, gateway)
        seen = _endpoint(seen, account.slot(seen.mode).endpoint, EVENTS, gateway)
    else:
        seen = _requirements(seen)
        heard = platform_endpoint(seen.mode, doors)
        seen = _endpoint(seen, heard, CONNECT_EVENTS, doors.platform(seen.mode))
    seen = _last_event(seen, account, gateway, doors)
    seen = _capabilities(seen, gateway)
    return _clock(seen, gateway, doors)


def _permissions(seen: Health, gateway: Gateway) -> Health:
    seen = seen.having(checks=permissions(gateway))
    for check in seen.checks:
        if not check.ok:
            seen = seen.with_problem(f"The key lacks {check.permission}.", check.fix or "")
    return seen


def _requirements(seen: Health) -> Health:
    """Return what Stripe asks of the merchant; a connected account has no key's permissions."""
    for check in seen.checks:
        if check.permission.startswith("requirements."):
            asked = check.permission.removeprefix("requirements.")
            seen = seen.with_problem(f"Stripe asks for {asked}.", check.fix or "")
    return seen


def _endpoint(
    seen: Health, kept: Endpoint | None, events: tuple[str, ...], gateway: Gateway
) -> Health:
    repair = "Verify the account: POST /v1/accounts/{id}/verify makes it anew; so does the doctor."
    if not kept:
        return seen.with_problem("There is no webhook endpoint.", repair)
    try:
        there = [found for found in gateway.endpoints() if found.id == kept.id]
    except StripePermissionMissing:
        return seen
    found = there[0] if there else None
    missing = tuple(sorted(set(events) - set(found.enabled_events))) if found else ()
    seen = seen.having(
        endpoint=Listening(
            url=kept.url,
            exists=found is not None,
            status=found.status if found else None,
            api_version=found.api_version if found else None,
            expected_api_version=API_VERSION,
            missing_events=missing,
            previous_until=kept.previous_until,
        )
    )
    if not found:
        return seen.with_problem("The webhook endpoint is gone at Stripe.", repair)
    if found.status != "enabled":
        return seen.with_problem("The webhook endpoint is disabled at Stripe.", repair)
    if missing:
        return seen.with_problem("The webhook endpoint does not hear of every event.", repair)
    return seen


def _last_event(seen: Health, account: Account, gateway: Gateway, doors: Doors) -> Health:
    try:
        event = gateway.latest_event()
    except StripePermissionMissing:
        return seen
    if not event:
        return seen
    at = datetime.fromtimestamp(event.created, UTC)
    kept = doors.store.event(account.tenant, account.id, seen.mode, event.id)
    seen = seen.having(
        last_event=LastEvent(id=event.id, type=event.type, at=at, received=kept is not None)
    )
    began = account.slot(seen.mode).created_at
    if kept or at < began or doors.now() - at < LATE:
        return seen
    return seen.with_problem(
        f"Stripe's last event, {event.id}, has not come.",
        "Nothing: the back-fill fetches it within 15 minutes. If this stays, look at the "
        "endpoint's deliveries in Stripe's Dashboard.",
    )


def _capabilities(seen: Health, gateway: Gateway) -> Health:
    told = gateway.own_account()
    if not told:
        return seen
    seen = seen.having(
        charges_enabled=told.charges_enabled,
        payouts_enabled=told.payouts_enabled,
        capabilities=dict(told.capabilities),
    )
    asked = told.requirements.due
    fix = f"Stripe asks for {asked}." if asked else "See to it in Stripe's Dashboard."
    if not told.may_charge:
        seen = seen.with_problem("Stripe lets the account take no payments.", fix)
    if not told.payouts_enabled:
        seen = seen.with_problem("Stripe pays the account nothing out.", fix)
    return seen


def _clock(seen: Health, gateway: Gateway, doors: Doors) -> Health:
    try:
        there = gateway.clock()
    except StripePermissionMissing:
        return seen
    if not there:
        return seen
    skew = round((there - doors.now()).total_seconds())
    seen = seen.having(clock_skew_s=skew)
    if abs(skew) <= SKEW_MAX_S:
        return seen
    return seen.with_problem(
        f"Stripe's clock and ours differ by {abs(skew)} s.",
        "Tell whoever runs this deployment: webhooks are refused from 300 s on.",
    )
