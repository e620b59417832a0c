"""
Connect a merchant through Stripe's own onboarding.

The platform makes the account, and Stripe asks the merchant for the rest. They may leave and come
back as often as they like: every link is fresh, and Stripe keeps what they entered.
"""

from contextlib import suppress
from dataclasses import dataclass

from payments.doors.doors import Doors
from payments.doors.platform import Platform
from payments.doors.store import change
from payments.doors.table import RowChanged
from payments.errors import (
    InvalidTransition,
    PaymentsError,
    StripePermissionMissing,
    StripeRequestRefused,
    StripeUnavailable,
    TooMuchContention,
)
from payments.facts.account import Account, AccountStatus, Slot
from payments.facts.caller import Caller
from payments.facts.connection import ConnectedAccount, Connection
from payments.facts.outcome import FailedAtStripe, OutcomeUnknown
from payments.steps.accounts.connect_state import (
    find_state,
    mint_state,
    person_of,
    use_state,
    way_home,
)
from payments.steps.accounts.stripe_status import refresh
from payments.steps.accounts.unique_names import name_changes, taken
from payments.steps.accounts.webhook_endpoint import ensure_platform_endpoint
from payments.steps.retry import retrying

TRIES = 5
UNFINISHED = "The merchant has not finished Stripe's onboarding."
_RETURN, _REFRESH = "/v1/accounts/onboarding/return", "/v1/accounts/onboarding/refresh"


@dataclass(frozen=True, slots=True)
class OnboardingRequest:
    """The merchant to onboard; Stripe asks for whatever is left out."""

    name: str
    mode: str
    country: str | None = None
    email: str | None = None
    return_path: str = ""
    error_emails: tuple[str, ...] = ()


def begin(request: OnboardingRequest, *, account_id: str, caller: Caller, doors: Doors) -> str:
    """
    Make an account for a merchant at Stripe, and return where they go on.

    `account_id` belongs to the request: a repeat goes on with the same account.
    """
    platform = doors.platform(request.mode)
    connection = _reserve(request, account_id, caller, doors)
    return _lead_there(connection, platform, caller, doors)


def continue_(
    account_id: str,
    mode: str | None,
    *,
    return_path: str | None,
    caller: Caller,
    doors: Doors,
) -> str:
    """
    Return a fresh link to the onboarding of an account.

    A `mode` that the account lacks is begun first.
    """
    account = doors.store.account(caller.tenant, account_id)
    if account.method != "onboarding":
        raise InvalidTransition(
            f"Account {account.name} was not connected by onboarding: its merchant sees to it in "
            "Stripe's Dashboard.",
            method=account.method,
        )
    mode = mode or account.main_mode
    platform = doors.platform(mode)
    connection = doors.store.find_connection(caller.tenant, account_id, mode)
    connection = connection or _add_mode(account, mode, doors)
    if return_path is not None and return_path != connection.return_path:
        connection = _save(connection.having(return_path=return_path), connection, doors)
    return _lead_there(connection, platform, caller, doors)


def come_back(token: str, *, base_url: str, doors: Doors) -> str:
    """Ask Stripe how a merchant stands who comes back, and return where they go on."""
    state = find_state(token, "onboarding", doors)
    account = doors.store.account(state.tenant, state.account)
    with suppress(PaymentsError, OutcomeUnknown):
        # If Stripe cannot be asked now, its event or the next check brings the status.
        account = refresh(state.tenant, state.account, state.mode, doors, reconnect=True)
    use_state(state, doors)
    status = account.slot(state.mode).status
    return way_home(state, base_url, doors, account=account.id, status=status)


def begin_again(token: str, *, base_url: str, doors: Doors) -> str:
    """Return a fresh link in place of one that has expired at Stripe; its state is used up."""
    state = use_state(find_state(token, "onboarding", doors), doors)
    connection = doors.store.find_connection(state.tenant, state.account, state.mode)
    if not connection:
        msg = f"Bug! Account {state.account} was onboarded without a connection."
        raise LookupError(msg)
    return _link(connection, doors.platform(state.mode), person_of(state, base_url), doors)


def _reserve(
    request: OnboardingRequest, account_id: str, caller: Caller, doors: Doors
) -> Connection:
    """Write account, name and connection before Stripe is asked for anything."""
    now = doors.now()
    account = Account(
        id=account_id,
        tenant=caller.tenant,
        name=request.name,
        created_at=now,
        error_emails=request.error_emails,
        method="onboarding",
        base_url=caller.base_url,
        slots={request.mode: _slot(doors)},
    )
    connection = Connection(
        tenant=caller.tenant,
        account=account_id,
        mode=request.mode,
        method="onboarding",
        created_at=now,
        return_path=request.return_path,
        country=request.country,
        email=request.email,
    )
    created = change(connection)
    try:
        doors.store.write(change(account), created, *name_changes(account, None, doors))
    except RowChanged as changed:
        known = doors.store.find_connection(caller.tenant, account_id, request.mode)
        if 0 in changed.rows and known:
            return known
        raise taken(Account, request.name) from None
    return created.new


def _add_mode(account: Account, mode: str, doors: Doors) -> Connection:
    """Begin the account's other mode, which is another account at Stripe."""
    other = doors.store.find_connection(account.tenant, account.id, account.main_mode)
    created = change(
        Connection(
            tenant=account.tenant,
            account=account.id,
            mode=mode,
            method="onboarding",
            created_at=doors.now(),
            return_path=other.return_path if other else "",
            country=other.country if other else None,
            email=other.email if other else None,
        )
    )
    with_slot = account.having(slots={**account.slots, mode: _slot(doors)})
    try:
        doors.store.write(change(with_slot, account), created)
    except RowChanged:
        known = doors.store.find_connection(account.tenant, account.id, mode)
        if not known:
            raise TooMuchContention(f"Account {account.name} is being changed.") from None
        return known
    return created.new


def _slot(doors: Doors) -> Slot:
    now = doors.now()
    slot = Slot(created_at=now, status=AccountStatus.PENDING, status_reason=UNFINISHED)
    return slot.having(check_at=slot.next_check(now))


def _lead_there(connection: Connection, platform: Platform, caller: Caller, doors: Doors) -> str:
    ensure_platform_endpoint(platform, connection.mode, caller.base_url, doors)
    if not connection.stripe_account:
        account = doors.store.account(connection.tenant, connection.account)
        connection = _make(connection, account.name, platform, doors)
    return _link(connection, platform, caller, doors)


def _make(connection: Connection, name: str, platform: Platform, doors: Doors) -> Connection:
    """Have Stripe make the account; a repeat sends the same request, so it makes no second one."""
    found = platform.find_account(connection) if connection.is_old(doors.now()) else None
    try:
        made = connection.made(found) if found else _created(connection, name, platform)
    except FailedAtStripe:
        # Stripe repeats the failure for a day; its list says whether an account was made all the
        # same.
        found = platform.find_account(connection)
        if not found:
            _save(connection.having(tries=connection.tries + 1), connection, doors)
            raise StripeUnavailable("Stripe failed; no account was made.") from None
        made = connection.made(found)
    except OutcomeUnknown:
        raise StripeUnavailable("Stripe did not answer; repeat the request.") from None
    return _keep(made, connection, doors)


def _created(connection: Connection, name: str, platform: Platform) -> Connection:
    try:
        return connection.made(platform.create_account(connection, name))
    except (StripeRequestRefused, StripePermissionMissing):
        # Not every platform may use Stripe's accounts v2.
        pass
    try:
        return connection.made(platform.create_account_v1(connection, name), "v1")
    except StripeRequestRefused as refusal:
        raise StripeRequestRefused(
            "Stripe refuses to make the account. The platform's owner signs it up for Connect in "
            "Stripe's Dashboard; or it is the country or the e-mail address.",
            **refusal.members,
        ) from None


def _keep(new: Connection, old: Connection, doors: Doors) -> Connection:
    """Write the Stripe account's id and its owner in one transaction."""
    pointer = ConnectedAccount(
        mode=new.mode,
        stripe_account=new.stripe_account or "",
        tenant=new.tenant,
        account=new.account,
    )

    def step() -> Connection:
        account = doors.store.account(new.tenant, new.account)
        known = account.stripe_account if account.main_mode != new.mode else None
        named = account.having(stripe_account=known or new.stripe_account)
        made = change(new, old)
        try:
            doors.store.write(change(named, account), made, change(pointer))
        except RowChanged as changed:
            if changed.rows == (0,):
                raise
            # Two requests did it at once, and Stripe gave both the same account.
            known_now = doors.store.find_connection(new.tenant, new.account, new.mode)
            if known_now and known_now.stripe_account:
                return known_now
            raise TooMuchContention(f"Account {account.name} is being changed.") from None
        return made.new

    detail = f"Account {new.account} kept changing."
    return retrying(step, doors, tries=TRIES, pausing=False, detail=detail)


def _save(new: Connection, old: Connection, doors: Doors) -> Connection:
    try:
        return doors.store.save(new, old)
    except RowChanged:
        raise TooMuchContention("The account is being onboarded by another request.") from None


def _link(connection: Connection, platform: Platform, caller: Caller, doors: Doors) -> str:
    """Return a fresh account link; its return addresses work once, for one person."""
    token, _ = mint_state(
        "onboarding",
        connection.account,
        connection.mode,
        caller,
        doors,
        return_path=connection.return_path,
    )
    back, again = (f"{caller.base_url}{path}?state={token}" for path in (_RETURN, _REFRESH))
    try:
        return platform.create_link(connection, back, again)
    except OutcomeUnknown:
        raise StripeUnavailable("Stripe did not answer; ask for the link again.") from None
