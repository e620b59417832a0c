"""Where an account stands: what Stripe still asks of it, and what it may do meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.standin.connect.accounts import CAPABILITIES, requirements
from local.standin.engine.messages import Json
from local.standin.engine.recording import difference

if TYPE_CHECKING:
    from local.standin.engine.call import Call

DOCUMENT = "representative.verification.document"
MISMATCH = "111111111"
"""Stripe's own test value for an ID number that is not the person's."""
# Why an account may not work, in the words that its capabilities have for it.
REASONS = {
    "requirements.past_due": "requirements.fields_needed",
    "requirements.pending_verification": "pending.review", "under_review": "pending.review",
    "platform_paused": "platform_paused", "other": "other",
}  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """What an account in this state looks like."""

    capability: str
    due: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    reason: str | None = None


# A state more is a line more, for the control surface too.
STANDINGS = {
    "active": Standing("active"),
    "pending": Standing(
        "pending", pending=(DOCUMENT,), reason="requirements.pending_verification"
    ),
    "restricted": Standing("inactive", due=(DOCUMENT,), reason="requirements.past_due"),
    "paused": Standing("inactive", reason="platform_paused"),
    "under_review": Standing("inactive", reason="under_review"),
    **{
        f"rejected.{why}": Standing("inactive", reason=f"rejected.{why}")
        for why in (
            "fraud", "listed", "other", "terms_of_service", "platform_fraud", "platform_other",
            "platform_terms_of_service",
        )
    },
}  # fmt: skip


def moved(call: Call, account: Json, state: str) -> Json:
    """Bring the account there; its details have been submitted."""
    standing = STANDINGS[state]
    ready = standing.capability == "active"
    names = account["capabilities"] or CAPABILITIES
    account.update(
        charges_enabled=ready, payouts_enabled=ready, details_submitted=True,
        capabilities=dict.fromkeys(names, standing.capability),
        requirements=requirements(standing.due, reason=standing.reason),
    )  # fmt: skip
    account["requirements"]["pending_verification"] = list(standing.pending)
    if standing.due:
        account["requirements"]["errors"] = [{
            "code": "verification_failed_keyed_identity",
            "reason": "The person's keyed-in identity information could not be verified. Upload a "
            "document that matches it.",
            "requirement": DOCUMENT,
        }]  # fmt: skip
    account["tos_acceptance"]["date"] = account["tos_acceptance"]["date"] or call.now
    return changed(call, account)


def changed(call: Call, account: Json) -> Json:
    """Send the account's own events; platforms hear them at their `connect` endpoints."""
    at_account = call.on(call.scope_for(account["id"]))
    before = call.store.get("", "account", account["id"]) or {}
    call.store.update("", account)
    if previous := difference(before, account):
        at_account.emit("account.updated", account, previous)
    for name, status in account["capabilities"].items():
        was = before.get("capabilities", {}).get(name)
        if was != status:
            previous = {"status": was} if was else {}
            at_account.emit("capability.updated", capability(account, name), previous)
    return account


def capability(account: Json, name: str) -> Json:
    status, asked = account["capabilities"][name], account["requirements"]
    why = None if status == "active" else asked["disabled_reason"] or "other"
    own = requirements(asked["currently_due"], reason=why and REASONS.get(why, "rejected.other"))
    return {
        "id": name, "object": "capability", "account": account["id"],
        "future_requirements": requirements(), "requested": True,
        "requested_at": account["created"], "requirements": own, "status": status,
    }  # fmt: skip
