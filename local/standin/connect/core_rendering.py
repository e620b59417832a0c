"""An account as v2 shows it: the account of v1, and what only v2 was told."""

from __future__ import annotations

from collections.abc import Callable

from local.standin.engine.messages import Json

STATUSES: dict[str, tuple[str, tuple[str, str] | None]] = {
    "active": ("active", None),
    "pending": ("pending", ("determining_status", "no_resolution")),
    "inactive": ("restricted", ("requirements_past_due", "provide_info")),
}
CONTACT = ("restricted_other", "contact_stripe")


def rendered(account: Json, kept: Json, include: list[str]) -> Json:
    """Show what was asked for; the rest is null, whether it is there or not."""
    applied = sorted(kept.get("configuration") or {})
    answer: Json = {
        "id": account["id"], "object": "v2.core.account", "applied_configurations": applied,
        "closed": False, "configuration": None, "contact_email": account["email"],
        "contact_phone": kept.get("contact_phone"), "dashboard": kept.get("dashboard") or "none",
        "defaults": None, "display_name": kept.get("display_name"), "future_requirements": None,
        "identity": None, "metadata": account["metadata"], "requirements": None,
    }  # fmt: skip
    makers: dict[str, Callable[[], Json]] = {
        "defaults": lambda: defaults(account, kept),
        "future_requirements": lambda: {"entries": [], "minimum_transition_date": None},
        "identity": lambda: identity(account, kept.get("identity") or {}),
        "requirements": lambda: requirements(account, applied),
    }
    answer.update({name: make() for name, make in makers.items() if name in include})
    names = [name.partition(".")[2] for name in include if name.startswith("configuration.")]
    if names:
        given = kept.get("configuration") or {}
        answer["configuration"] = {
            name: configuration(account, name, given[name] or {}) if name in given else None
            for name in names
        }
    return answer


def configuration(account: Json, name: str, given: Json) -> Json:
    asked = given.get("capabilities") or {}
    shown = {**given, "applied": True}
    if name == "merchant":
        shown["capabilities"] = {
            each: capability(account, each) for each, of in asked.items() if (of or {})["requested"]
        }
    elif name == "recipient":
        balance = asked.get("stripe_balance") or {}
        shown["capabilities"] = {
            "stripe_balance": {each: capability(account, "transfers") for each in balance},
        }
    else:
        shown.pop("capabilities", None)
    return shown


def capability(account: Json, name: str) -> Json:
    status, why = STATUSES[account["capabilities"].get(name, "inactive")]
    if status == "restricted" and not account["requirements"]["currently_due"]:
        why = CONTACT
    details = [{"code": why[0], "resolution": why[1]}] if why else []
    return {"status": status, "status_details": details}


def defaults(account: Json, kept: Json) -> Json:
    controller, given = account["controller"], kept.get("defaults") or {}
    payer = controller["fees"]["payer"]
    return {
        "currency": account["default_currency"], "locales": [], **given,
        "responsibilities": {
            "fees_collector": "stripe" if payer == "account" else payer,
            "losses_collector": controller["losses"]["payments"],
            "requirements_collector": controller["requirement_collection"],
        },
    }  # fmt: skip


def identity(account: Json, given: Json) -> Json:
    shown = {"country": account["country"].lower(), **given}
    if individual := given.get("individual"):
        numbers = [{"type": each["type"]} for each in individual.get("id_numbers") or []]
        shown["individual"] = {**individual, "account": account["id"], "id_numbers": numbers}
    return shown


def requirements(account: Json, applied: list[str]) -> Json:
    due = account["requirements"]["currently_due"]
    entries = [entry(account, name, applied) for name in due]
    summary = {"minimum_deadline": {"status": "past_due"}} if entries else None
    return {"entries": entries, "summary": summary}


def entry(account: Json, name: str, applied: list[str]) -> Json:
    """Say of one requirement what it is, who must act, and what it holds up."""
    restricts = [
        {"capability": held, "configuration": "merchant", "deadline": {"status": "past_due"}}
        for held in account["capabilities"]
        if "merchant" in applied and held != "transfers"
    ]
    failed = [
        {"code": error["code"], "description": error["reason"]}
        for error in account["requirements"]["errors"] if error["requirement"] == name
    ]  # fmt: skip
    return {
        "awaiting_action_from": "user", "description": name, "errors": failed,
        "impact": {"restricts_capabilities": restricts},
        "minimum_deadline": {"status": "past_due"},
        "requested_reasons": [{"code": "routine_verification" if failed else "routine_onboarding"}],
    }  # fmt: skip
