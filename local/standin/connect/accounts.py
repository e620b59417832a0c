"""Accounts: one's own, made on first use, and those that a platform connected."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from local.standin.engine.access import masked
from local.standin.engine.errors import Forbidden
from local.standin.engine.lists import answer_list
from local.standin.engine.messages import Json
from local.standin.engine.routing import route

if TYPE_CHECKING:
    from local.standin.engine.call import Call

CAPABILITIES = ("card_payments", "transfers", "us_bank_account_ach_payments")
# Where Stripe has merchants, and the currency in which it settles with them unless told otherwise.
CURRENCY_OF = {
    "AE": "aed", "AU": "aud", "BG": "eur", "BR": "brl", "CA": "cad", "CH": "chf", "CZ": "czk",
    "DK": "dkk", "GB": "gbp", "GI": "gbp", "HK": "hkd", "HU": "huf", "ID": "idr", "IN": "inr",
    "JP": "jpy", "LI": "chf", "MX": "mxn", "MY": "myr", "NO": "nok", "NZ": "nzd", "PL": "pln",
    "RO": "ron", "SE": "sek", "SG": "sgd", "TH": "thb",
    **dict.fromkeys(
        ("AT", "BE", "CY", "DE", "EE", "ES", "FI", "FR", "GR", "HR", "IE", "IT", "LT", "LU", "LV",
         "MT", "NL", "PT", "SI", "SK"), "eur",
    ),
}  # fmt: skip
FIRST_DUE = (
    "business_profile.url", "external_account", "representative.first_name",
    "representative.id_number", "tos_acceptance.date",
)  # fmt: skip
"""What Stripe asks of an account that has said nothing yet, in short."""


def requirements(due: Iterable[str] = (), *, reason: str | None = None) -> Json:
    """Say what Stripe asks for, all of it overdue, and why the account may not work meanwhile."""
    wanted = list(due)
    return {
        "alternatives": [], "current_deadline": None, "currently_due": wanted,
        "disabled_reason": reason or ("requirements.past_due" if wanted else None), "errors": [],
        "eventually_due": wanted, "past_due": wanted, "pending_verification": [],
    }  # fmt: skip


def settings(name: str) -> Json:
    return {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None, "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": name, "timezone": "Etc/UTC"},
        "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
        "payments": {
            "statement_descriptor": name.upper()[:22], "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 2, "interval": "daily"}, "statement_descriptor": None,
        },
        "sepa_debit_payments": {},
    }  # fmt: skip


def new_account(ident: str, created: int, *, ready: bool, **given: Any) -> Json:
    state = "active" if ready else "inactive"
    country = str(given.get("country") or "US")
    name = given.get("name") or f"Stand-in shop {ident[-4:]}"
    return {
        "id": ident, "object": "account",
        "business_profile": {
            "annual_revenue": None, "estimated_worker_count": None,
            "mcc": "5999" if ready else None, "minority_owned_business_designation": None,
            "name": name, "product_description": None,
            "specified_commercial_transactions_act_url": None, "support_address": None,
            "support_email": None,
            "support_phone": None, "support_url": None, "url": None,
        },
        "business_type": given.get("business_type"),
        "capabilities": dict.fromkeys(CAPABILITIES, state),
        "charges_enabled": ready,
        "controller": {"type": "account"},
        "country": country, "created": created,
        "default_currency": given.get("default_currency") or CURRENCY_OF.get(country, "usd"),
        "details_submitted": ready,
        "email": given.get("email"),
        "external_accounts": {
            "object": "list", "data": [], "has_more": False,
            "url": f"/v1/accounts/{ident}/external_accounts",
        },
        "future_requirements": requirements(),
        "metadata": given.get("metadata") or {}, "payouts_enabled": ready,
        "requirements": requirements(() if ready else FIRST_DUE),
        "settings": settings(name),
        "tos_acceptance": {
            "date": created if ready else None, "ip": None, "user_agent": None,
        },
        "type": given.get("type") or "standard",
    }  # fmt: skip


def account_object(call: Call, ident: str) -> Json:
    """Any account that someone has a key of exists; its object is written on first sight."""
    found = call.store.get("", "account", ident)
    if found is None:
        own = call.credentials
        shop = own.shop if own and own.account == ident else None
        found = new_account(ident, call.now, ready=True, name=shop)
        call.store.insert("", found)
    return found


def display_name(call: Call) -> str:
    return str(account_object(call, call.account)["settings"]["dashboard"]["display_name"])


def require_access(call: Call, ident: str) -> Json:
    own = call.credentials.account if call.credentials else call.account
    if ident != own and not call.world.is_connected(own, ident):
        key = masked(call.credentials.key) if call.credentials else ""
        raise Forbidden(
            f"The provided key '{key}' does not have access to account '{ident}' (or that account "
            "does not exist). Application access may have been revoked.",
            code="account_invalid",
        )
    return account_object(call, ident)


@route("GET", "/v1/account", "AccountRetrieveCurrentParams")
def retrieve_current(call: Call) -> Json:
    return account_object(call, call.account)


@route("GET", "/v1/accounts/{id}", "AccountRetrieveParams")
def retrieve(call: Call) -> Json:
    return require_access(call, call.path["id"])


@route("GET", "/v1/accounts", "AccountListParams")
def list_accounts(call: Call) -> Json:
    """List the connections, so that cursors follow their order."""
    connections = call.on(call.account + "#connections")
    connections.params = call.params
    page = answer_list(connections, "account")
    page["data"] = [account_object(call, each["id"]) for each in page["data"]]
    return page
