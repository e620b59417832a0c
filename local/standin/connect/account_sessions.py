"""Account sessions: what an embedded Connect component may show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.connect.accounts import require_access
from local.standin.engine.messages import Json
from local.standin.engine.routing import route

if TYPE_CHECKING:
    from local.standin.engine.call import Call

LIFE_S = 3600
ACCOUNT = ("disable_stripe_user_authentication", "external_account_collection")
PAYOUTS = (*ACCOUNT, "edit_payout_schedule", "instant_payouts", "standard_payouts")
DISPUTES = (
    "destination_on_behalf_of_charge_management", "dispute_management", "refund_management",
)  # fmt: skip
PAYMENTS = ("capture_payments", *DISPUTES)
ISSUING = (
    "card_management", "card_spend_dispute_management", "cardholder_management",
    "spend_control_management",
)  # fmt: skip
COMPONENTS: dict[str, tuple[str, ...]] = {
    "account_management": ACCOUNT,
    "account_onboarding": ACCOUNT,
    "balance_report": (),
    "balances": PAYOUTS,
    "disputes_list": PAYMENTS,
    "documents": (),
    "financial_account": (*ACCOUNT, "send_money", "transfer_balance"),
    "financial_account_transactions": ("card_spend_dispute_management",),
    "instant_payouts_promotion": (*ACCOUNT, "instant_payouts"),
    "issuing_card": ISSUING,
    "issuing_cards_list": (*ISSUING, "disable_stripe_user_authentication"),
    "notification_banner": ACCOUNT,
    "payment_details": PAYMENTS,
    "payment_disputes": DISPUTES,
    "payments": PAYMENTS,
    "payout_details": (),
    "payout_reconciliation_report": (),
    "payouts": PAYOUTS,
    "payouts_list": (),
    "tax_registrations": (),
    "tax_settings": (),
}


@route("POST", "/v1/account_sessions", "AccountSessionCreateParams")
def create(call: Call) -> Json:
    account = require_access(call, call.params["account"])
    asked: Json = call.params["components"]
    components = {
        name: component(asked.get(name) or {}, features) for name, features in COMPONENTS.items()
    }
    return {
        "object": "account_session", "account": account["id"],
        "client_secret": f"accs_secret_{call.world.ids.token(40)}", "components": components,
        "expires_at": call.now + LIFE_S, "livemode": call.livemode,
    }  # fmt: skip


def component(asked: Json, features: tuple[str, ...]) -> Json:
    allowed = {**dict.fromkeys(features, False), **(asked.get("features") or {})}
    return {"enabled": asked.get("enabled", False), "features": allowed}
