"""Test cards and what each does: one line here is a card with a behaviour."""

from __future__ import annotations

from dataclasses import dataclass

DECLINED = "Your card was declined."
EXPIRED = "Your card has expired."
INCORRECT_CVC = "Your card's security code is incorrect."
PROCESSING = "An error occurred while processing your card. Try again in a little bit."


@dataclass(frozen=True)
class Decline:
    """How the bank, or Radar, says no."""

    decline_code: str
    code: str = "card_declined"
    message: str = DECLINED
    advice: str | None = None
    network_code: str | None = None
    network_advice: str | None = None
    outcome: str = "issuer_declined"
    network_status: str = "declined_by_network"
    reason: str | None = None
    param: str | None = None


@dataclass(frozen=True)
class Card:
    """One test card: `pm_card_{name}`, `tok_{name}` and its number."""

    name: str
    number: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    decline: Decline | None = None
    attaches: bool = True
    """Whether saving it to a customer, which asks the bank, succeeds."""
    authentication: str = "optional"
    """optional | required (each payment) | until_set_up | on_session (already set up)."""
    risk: str = "normal"
    dispute: str | None = None
    warned_of: bool = False
    """Whether the network takes the payment for fraud, without a dispute as yet."""
    refund: str = "succeeds"
    settles_at_once: bool = False
    label: str | None = None
    """What the hosted page says of it in its group; without one it is not offered there."""

    @property
    def last4(self) -> str:
        return self.number[-4:]


# The network's codes are those that Stripe's test mode gives.
GENERIC = Decline("generic_decline", advice="try_again_later", network_code="01")
NO_FUNDS = Decline(
    "insufficient_funds", message="Your card has insufficient funds.", advice="try_again_later",
    network_code="51", network_advice="02",
)  # fmt: skip
LOST = Decline("lost_card", advice="do_not_try_again", network_code="41", network_advice="01")
STOLEN = Decline("stolen_card", advice="do_not_try_again", network_code="43",
                 network_advice="01")  # fmt: skip
TOO_OLD = Decline("expired_card", "expired_card", EXPIRED, "confirm_card_data", "54", "03",
                  param="exp_month")  # fmt: skip
WRONG_CVC = Decline("incorrect_cvc", "incorrect_cvc", INCORRECT_CVC, "confirm_card_data", "N7",
                    "03", param="cvc")  # fmt: skip
FAILED = Decline("processing_error", "processing_error", PROCESSING, "try_again_later", "06")
TOO_OFTEN = Decline(
    "card_velocity_exceeded",
    message="Your card was declined for making repeated attempts too frequently or exceeding its "
    "amount limit.",
    advice="try_again_later", network_code="61", network_advice="02",
)  # fmt: skip
FRAUDULENT = Decline("fraudulent", advice="do_not_try_again", network_code="59")
NOT_HONORED = Decline("do_not_honor", advice="try_again_later", network_code="05")
BLOCKED = Decline(
    "fraudulent", advice="do_not_try_again", outcome="blocked",
    network_status="not_sent_to_network", reason="highest_risk_level",
)  # fmt: skip
UNAUTHENTICATED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    network_code="1A",
)
NOT_AUTHENTICATED = (
    "We are unable to authenticate your payment method. Please choose a different payment method "
    "and try again."
)

CARDS = (
    Card("visa", "4242424242424242", label="Visa"),
    Card("visa_debit", "4000056655665556", funding="debit"),
    Card("mastercard", "5555555555554444", "mastercard", label="Mastercard"),
    Card("mastercard_debit", "5200828282828210", "mastercard", "debit"),
    Card("mastercard_prepaid", "5105105105105100", "mastercard", "prepaid"),
    Card("amex", "378282246310005", "amex", label="American Express"),
    Card("discover", "6011111111111117", "discover"),
    Card("diners", "3056930009020004", "diners"),
    Card("jcb", "3566002020360505", "jcb"),
    Card("unionpay", "6200000000000005", "unionpay"),
    Card("us", "4242424242424242"),
    Card("br", "4000000760000002", country="BR"),
    Card("ca", "4000001240000000", country="CA"),
    Card("mx", "4000004840008001", country="MX"),
    Card("de", "4000002760000016", country="DE"),
    Card("fr", "4000002500000003", country="FR"),
    Card("gb", "4000008260000000", country="GB"),
    Card("nl", "4000005280000002", country="NL"),
    Card("jp", "4000003920000003", country="JP"),
    Card("visa_chargeDeclined", "4000000000000002", decline=GENERIC, attaches=False,
         label="The bank gives no reason"),
    Card("chargeDeclined", "4000000000000002", decline=GENERIC, attaches=False),
    Card("visa_chargeDeclinedInsufficientFunds", "4000000000009995", decline=NO_FUNDS,
         attaches=False, label="Insufficient funds"),
    Card("chargeDeclinedInsufficientFunds", "4000000000009995", decline=NO_FUNDS, attaches=False),
    Card("visa_chargeDeclinedLostCard", "4000000000009987", decline=LOST, attaches=False,
         label="Lost card"),
    Card("visa_chargeDeclinedStolenCard", "4000000000009979", decline=STOLEN, attaches=False,
         label="Stolen card"),
    Card("chargeDeclinedExpiredCard", "4000000000000069", decline=TOO_OLD, attaches=False,
         label="Expired card"),
    Card("chargeDeclinedIncorrectCvc", "4000000000000127", decline=WRONG_CVC, attaches=False,
         label="Wrong security code"),
    Card("chargeDeclinedProcessingError", "4000000000000119", decline=FAILED, attaches=False,
         label="Processing error"),
    Card("visa_chargeDeclinedVelocityLimitExceeded", "4000000000006975", decline=TOO_OFTEN,
         attaches=False, label="Too many attempts"),
    Card("visa_chargeDeclinedFraudulent", "4000000000000150", decline=FRAUDULENT, attaches=False),
    Card("chargeDeclinedFraudulent", "4000000000000150", decline=FRAUDULENT, attaches=False),
    Card("visa_chargeDeclinedDoNotHonor", "4000000000000168", decline=NOT_HONORED, attaches=False),
    Card("chargeCustomerFail", "4000000000000341", decline=GENERIC,
         label="Can be saved, is never charged"),
    Card("radarBlock", "4100000000000019", decline=BLOCKED, risk="highest",
         label="Blocked as too risky"),
    Card("riskLevelElevated", "4000000000009235", risk="elevated", label="Held for a review"),
    Card("riskLevelHighest", "4000000000004954", risk="highest"),
    Card("threeDSecure2Required", "4000000000003220", authentication="required",
         label="Asks for every payment"),
    Card("threeDSecureRequired", "4000000000003063", authentication="required"),
    Card("threeDSecureRequiredChargeDeclined", "4000008400001629", decline=GENERIC,
         authentication="required", label="Asks, then declines"),
    Card("threeDSecureOptional", "4000000000003055"),
    Card("authenticationRequired", "4000002760003184", authentication="required"),
    Card("visa_authenticationRequired", "4000002760003184", authentication="required"),
    Card("authenticationRequiredOnSetup", "4000002500003155", authentication="until_set_up",
         label="Asks once, when saved"),
    Card("authenticationRequiredSetupForOffSession", "4000003800000446",
         authentication="on_session"),
    Card("authenticationRequiredChargeDeclinedInsufficientFunds", "4000008260003178",
         decline=NO_FUNDS, authentication="required"),
    Card("createDispute", "4000000000000259", dispute="fraudulent", label="The payer disputes it"),
    Card("createDisputeProductNotReceived", "4000000000002685", dispute="product_not_received"),
    Card("createMultipleDisputes", "4000000404000079", dispute="multiple",
         label="The payer disputes it in two parts"),
    Card("createIssuerFraudRecord", "4000000000005423", warned_of=True,
         label="The network warns of fraud"),
    Card("createDisputeInquiry", "4000000000001976", dispute="inquiry",
         label="The bank asks about it"),
    Card("refundFail", "4000000000005126", refund="fails_later", label="Its refund fails later"),
    Card("pendingRefund", "4000000000007726", refund="pending"),
    # No card of Stripe's: a refund waits for its payer where a bank transfer is given back.
    Card("refundRequiresAction", "4000000000007742", refund="requires_action"),
    Card("bypassPending", "4000000000000077", settles_at_once=True),
)  # fmt: skip
BY_NAME = {card.name: card for card in CARDS}
BY_NUMBER = {card.number: card for card in reversed(CARDS)}


def by_handle(handle: str) -> Card | None:
    """`pm_card_visa` or `tok_visa`."""
    for prefix in ("pm_card_", "tok_"):
        if handle.startswith(prefix):
            return BY_NAME.get(handle.removeprefix(prefix))
    return None
