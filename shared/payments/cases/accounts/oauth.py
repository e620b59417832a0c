"""
Connect a merchant who already has a Stripe account, by their consent (OAuth).

Only the account's id is kept. The tokens that Stripe gives are dropped, since the platform's key is
used.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from payments.doors.doors import Doors
from payments.doors.store import change
from payments.doors.table import RowChanged
from payments.errors import (
    KeyModeMismatch,
    NameTaken,
    PaymentsError,
    PlatformNotConfigured,
    StripePermissionMissing,
    StripeRequestRefused,
    StripeUnavailable,
    ValidationFailed,
)
from payments.facts.account import Account, AccountStatus, Slot
from payments.facts.audit import AuditRecord, Phase
from payments.facts.caller import Caller, Role
from payments.facts.connection import Connection, ConnectState
from payments.facts.outcome import OutcomeUnknown
from payments.facts.stripe_accounts import OAuthToken
from payments.steps.accounts.connect_state import (
    bound_to,
    find_state,
    mint_state,
    require_browser,
    use_state,
    way_home,
)
from payments.steps.accounts.stripe_owner import held_by, holder_of, require_unconnected
from payments.steps.accounts.stripe_status import refresh
from payments.steps.accounts.unique_names import name_changes, require_name_free, taken
from payments.steps.accounts.webhook_endpoint import ensure_platform_endpoint
from payments.steps.audit_trail import append

SCOPE = "read_write"
_CALLBACK = "/v1/accounts/oauth/callback"
_CODE = re.compile(r"[A-Za-z0-9_-]{4,200}")
_ERROR = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class OAuthRequest:
    """The name that the account will have here."""

    name: str
    mode: str
    return_path: str = ""
    error_emails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Consent:
    """What Stripe adds when the merchant comes back: a code, or the reason why there is none."""

    code: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request on the way back: its id, in which browser, and where it reached us."""

    id: str
    browser: str
    base_url: str


def require_possible(request: OAuthRequest, *, caller: Caller, doors: Doors) -> None:
    """Refuse what would be refused on the way back: no client id, or a name that is taken."""
    platform = doors.platform(request.mode)
    if not platform.client_id:
        raise PlatformNotConfigured(
            f"This deployment has no OAuth client id in {request.mode} mode. Connect the merchant "
            "by onboarding, or have the owner store the client id.",
            mode=request.mode,
        )
    require_name_free(Account, caller.tenant, request.name, doors)
    ensure_platform_endpoint(platform, request.mode, caller.base_url, doors)


def begin(
    request: OAuthRequest, *, account_id: str, browser: str, caller: Caller, doors: Doors
) -> tuple[str, datetime]:
    """
    Return the address where the merchant consents, and until when they can come back from it.

    Only `browser` may come back. Otherwise a person who is sent the address would connect their
    Stripe account for somebody else.
    """
    platform = doors.platform(request.mode)
    token, state = mint_state(
        "oauth",
        account_id,
        request.mode,
        caller,
        doors,
        name=request.name,
        return_path=request.return_path,
        error_emails=request.error_emails,
        browser=bound_to(browser),
    )
    asked = {
        "response_type": "code",
        "client_id": platform.client_id,
        "scope": SCOPE,
        "redirect_uri": f"{caller.base_url}{_CALLBACK}",
        "state": token,
    }
    return f"{platform.consent_base}/oauth/authorize?{urlencode(asked)}", state.expires_at


def complete(token: str, consent: Consent, *, request: Arrival, doors: Doors) -> str:
    """
    Connect the account whose merchant has consented, and return where they go on.

    The state is used up first. A code can be exchanged once, so a merchant whose request is cut
    short after that begins again. Stripe then gives the same account, which is not connected twice.
    """
    found, base_url = find_state(token, "oauth", doors), request.base_url
    require_browser(found, request.browser)
    if not (_CODE.fullmatch(consent.code) or _ERROR.fullmatch(consent.error)):
        raise ValidationFailed("Stripe's way back carries a code, or an error.")
    state = use_state(found, doors)
    if consent.error:
        return way_home(state, base_url, doors, error=consent.error)
    try:
        account = _connect(state, consent.code, base_url, doors)
        append(_record(state, account.id, request.id, doors), doors)
    except PaymentsError as refusal:
        told = {"error": refusal.code}
        if isinstance(refusal.members.get("account"), str):
            told["account"] = refusal.members["account"]
        return way_home(state, base_url, doors, **told)
    status = account.slot(state.mode).status
    return way_home(state, base_url, doors, account=account.id, status=status)


def _connect(state: ConnectState, code: str, base_url: str, doors: Doors) -> Account:
    granted = _exchange(state, code, doors)
    known = _known(state, granted, doors) or _save(state, granted, base_url, doors)
    return refresh(state.tenant, known, state.mode, doors, reconnect=True)


def _record(state: ConnectState, account: str, request: str, doors: Doors) -> AuditRecord:
    """Return the record of the audit trail: which admin began it, and how it ended."""
    return AuditRecord(
        id=doors.new_id("aud"),
        tenant=state.tenant,
        at=doors.now(),
        phase=Phase.OUTCOME,
        request=request,
        actor=state.subject,
        machine=False,
        role=Role.ADMIN,
        profile="",
        route=f"GET {_CALLBACK}",
        objects=(account,),
        status=303,
    )


def _exchange(state: ConnectState, code: str, doors: Doors) -> OAuthToken:
    try:
        granted = doors.platform(state.mode).exchange(code)
    except OutcomeUnknown:
        raise StripeUnavailable("Stripe did not answer; begin again.") from None
    if granted.livemode is not (state.mode == "live"):
        raise KeyModeMismatch(f"The consent is not for {state.mode} mode.")
    if granted.scope != SCOPE:
        raise StripePermissionMissing(f"The consent is for {granted.scope} only.")
    return granted


def _known(state: ConnectState, granted: OAuthToken, doors: Doors) -> str | None:
    """
    Return the tenant's account that is connected to the granted one already, or None.

    Refuse an account that another tenant has, or that has keys of its own here. Two connections
    would book one payment twice, and nobody could tell whose an event is.
    """
    holder = holder_of(granted.stripe_user_id, state.mode, doors)
    own = holder and holder.tenant == state.tenant
    if holder and own and holder.method != "api_keys":
        return holder.id
    if holder and own and holder.uses(state.mode):
        _give_back(state, granted, doors)
    require_unconnected(holder, state.tenant, state.account, state.mode)
    return None


def _give_back(state: ConnectState, granted: OAuthToken, doors: Doors) -> None:
    """Revoke a consent that nothing here will use."""
    try:
        doors.platform(state.mode).deauthorize(granted.stripe_user_id)
    except (StripeRequestRefused, OutcomeUnknown):
        # The merchant sees it in their Dashboard and can revoke it there.
        return


def _save(state: ConnectState, granted: OAuthToken, base_url: str, doors: Doors) -> str:
    """Write account, name, connection and owner, all or none, and return the account's id."""
    now, mode, stripe_account = doors.now(), state.mode, granted.stripe_user_id
    own = {"tenant": state.tenant, "account": state.account, "mode": mode}
    account = Account(
        id=state.account,
        tenant=state.tenant,
        name=state.name,
        created_at=now,
        error_emails=state.error_emails,
        method="oauth",
        stripe_account=stripe_account,
        base_url=base_url,
        slots={mode: Slot(created_at=now, status=AccountStatus.VERIFYING)},
    )
    connection = Connection(
        **own, method="oauth", created_at=now, stripe_account=stripe_account, api="v1"
    )
    try:
        names = name_changes(account, None, doors)
        owned = held_by(account, stripe_account, mode, doors)
        doors.store.write(*owned, change(account), change(connection), *names)
    except (RowChanged, NameTaken) as refusal:
        # Another request may have come back with the same consent at the same time.
        pointed = isinstance(refusal, NameTaken) or 0 in refusal.rows
        known = _known(state, granted, doors) if pointed else None
        if known:
            return known
        raise taken(Account, state.name) from None
    return account.id
