"""Whether what Stripe tells of was made by us, and is what we asked for."""

from payments.doors.doors import Doors
from payments.facts.attempt import Attempt
from payments.facts.stripe_objects import Intent


class NotOurs(Exception):
    """The object was not made by us: the merchant sells elsewhere too."""


class OtherConnection(NotOurs):
    """The merchant connected one Stripe account twice: the other connection books it."""


class UnknownAttempt(Exception):
    """The object names an attempt that is not here, or not yet."""


class Mismatch(Exception):
    """The object contradicts what we asked Stripe for; nothing may be booked from it unseen."""


def attempt_of(metadata: dict[str, str], tenant: str, doors: Doors) -> Attempt:
    """Return the attempt that the metadata names. Raise NotOurs or UnknownAttempt."""
    if "attempt" not in metadata or "invoice" not in metadata or metadata.get("tenant") != tenant:
        raise NotOurs
    attempt = doors.store.attempt(tenant, metadata["invoice"], metadata["attempt"])
    if not attempt:
        raise UnknownAttempt(metadata["attempt"])
    return attempt


def require_match(intent: Intent, attempt: Attempt, account: str, mode: str) -> None:
    """Raise OtherConnection or Mismatch where the intent is not what the attempt asked for."""
    if attempt.account != account:
        raise OtherConnection(intent.id)
    if (attempt.mode, attempt.currency) != (mode, intent.currency):
        raise Mismatch(f"{intent.id} is not of the mode or currency of {attempt.id}.")
    if intent.livemode is not (mode == "live"):
        raise Mismatch(f"{intent.id} is not in {mode} mode.")
