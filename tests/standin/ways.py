"""How to get there: each kind of object brought to each of its states, through the API."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import stripe

from local.standin import StandIn
from tests.standin.doubles import Browser, Control, Time

DAY_S = 24 * 3600
BACK = "http://127.0.0.1:9/back"
VISA, DECLINED, ASKS = (
    "pm_card_visa",
    "pm_card_visa_chargeDeclined",
    "pm_card_threeDSecure2Required",
)
DEBIT, BOUNCES = "pm_usBankAccount", "pm_usBankAccount_noAccount"
UNCLEAR = "pm_card_refundRequiresAction"
DISPUTED, INQUIRED = "pm_card_createDispute", "pm_card_createDisputeInquiry"
KINDS = {
    "payment_intent": "payment_intents", "setup_intent": "setup_intents", "charge": "charges",
    "refund": "refunds", "dispute": "disputes", "payout": "payouts",
}  # fmt: skip


class Ways:
    """One account, its payers, its bank and the time that passes."""

    def __init__(
        self, client: stripe.StripeClient, standin: StandIn, time: Time, browser: Browser,
        control: Control,
    ) -> None:  # fmt: skip
        self.v1 = client.v1
        self.time = time
        self.control = control
        self._standin = standin
        self._browser = browser
        self.account = client.v1.accounts.retrieve_current().id

    def reach(self, kind: str, state: str) -> str:
        return REACH[kind, state](self)

    def read(self, kind: str, ident: str) -> dict[str, Any]:
        found = (
            self.v1.checkout.sessions.retrieve(ident)
            if kind == "checkout.session"
            else getattr(self.v1, KINDS[kind]).retrieve(ident)
        )
        return found.to_dict()

    def truth(self) -> Any:
        return self.control("GET", "truth", account=self.account)

    def wait(self, seconds: float) -> None:
        self.time.now += seconds
        self._standin.run_jobs()

    def wait_for_books(self) -> None:
        """Let Stripe's books know of what was paid, as `charge.updated` says a moment later."""
        self.wait(self._standin.books_after_s)

    def intent(self, card: str | None = VISA, *, confirm: bool = True, **more: Any) -> str:
        given: dict[str, Any] = {"amount": 2000, "currency": "usd", "return_url": BACK, **more}
        given = {**given, "confirm": confirm} if confirm else given
        if card:
            given["payment_method"] = card
        if not confirm:
            del given["return_url"]
        with suppress(stripe.CardError):
            return self.v1.payment_intents.create(given).id
        return self.v1.payment_intents.list({"limit": 1}).data[0].id

    def confirmed(self, ident: str, card: str) -> str:
        with suppress(stripe.CardError):
            self.v1.payment_intents.confirm(ident, {"payment_method": card, "return_url": BACK})
        return ident

    def captured(self, ident: str) -> str:
        return self.v1.payment_intents.capture(ident).id

    def canceled(self, ident: str) -> str:
        return self.v1.payment_intents.cancel(ident).id

    def answered(self, ident: str, outcome: str) -> str:
        """Let the payer answer the bank's question."""
        self._browser.post(f"/c/authenticate/{ident}", outcome=outcome)
        return ident

    def setup(self, card: str | None = VISA, *, confirm: bool = True) -> str:
        given: dict[str, Any] = {"payment_method": card} if card else {}
        with suppress(stripe.CardError):
            given = {**given, "confirm": True, "return_url": BACK} if confirm else given
            return self.v1.setup_intents.create(given).id
        return self.v1.setup_intents.list({"limit": 1}).data[0].id

    def set_up(self, ident: str, card: str) -> str:
        with suppress(stripe.CardError):
            self.v1.setup_intents.confirm(ident, {"payment_method": card, "return_url": BACK})
        return ident

    def charge_of(self, intent: str) -> str:
        return str(self.v1.payment_intents.retrieve(intent).latest_charge)

    def charge(self, card: str = VISA, **more: Any) -> str:
        return self.charge_of(self.intent(card, **more))

    def refund(self, charge: str, **more: Any) -> str:
        return self.v1.refunds.create({"charge": charge, **more}).id

    def refunded(self, charge: str, **more: Any) -> str:
        self.refund(charge, **more)
        return charge

    def dispute(self, card: str = DISPUTED) -> str:
        paid = self.intent(card)
        return self.v1.disputes.list({"payment_intent": paid}).data[0].id

    def argued(self, ident: str, words: str = "a receipt", **more: Any) -> str:
        self.v1.disputes.update(ident, {"evidence": {"uncategorized_text": words}, **more})
        return ident

    def decided(self, ident: str, words: str) -> str:
        self.argued(ident, words)
        self.wait(60)
        return ident

    def payout(self, days: int = 0) -> str:
        self.intent(amount=9000)
        self.wait_for_books()
        ident = self.v1.payouts.create({"amount": 1000, "currency": "usd"}).id
        self.wait(days * DAY_S)
        return ident

    def bank(self, payout: str, outcome: str) -> str:
        self.control("POST", "payouts", account=self.account, payout=payout, outcome=outcome)
        self.wait(2 * DAY_S)
        return payout

    def session(self) -> str:
        item = {
            "quantity": 1,
            "price_data": {"currency": "usd", "unit_amount": 900, "product_data": {"name": "Tea"}},
        }
        return self.v1.checkout.sessions.create(
            {"mode": "payment", "success_url": BACK, "line_items": [item]}
        ).id

    def paid(self, session: str) -> str:
        self._browser.post(f"/c/pay/{session}/complete", pm=VISA)
        return session

    def expired(self, session: str) -> str:
        return self.v1.checkout.sessions.expire(session).id


Way = Callable[[Ways], str]
REACH: dict[tuple[str, str], Way] = {
    ("payment_intent", "requires_payment_method"): lambda w: w.intent(None, confirm=False),
    ("payment_intent", "requires_confirmation"): lambda w: w.intent(confirm=False),
    ("payment_intent", "requires_action"): lambda w: w.intent(ASKS),
    ("payment_intent", "processing"): lambda w: w.intent(DEBIT),
    ("payment_intent", "requires_capture"): lambda w: w.intent(capture_method="manual"),
    ("payment_intent", "succeeded"): lambda w: w.intent(),
    ("payment_intent", "canceled"): lambda w: w.canceled(w.intent(None, confirm=False)),
    ("setup_intent", "requires_payment_method"): lambda w: w.setup(None, confirm=False),
    ("setup_intent", "requires_confirmation"): lambda w: w.setup(confirm=False),
    ("setup_intent", "requires_action"): lambda w: w.setup(ASKS),
    ("setup_intent", "succeeded"): lambda w: w.setup(),
    ("setup_intent", "canceled"): lambda w: w.v1.setup_intents.cancel(
        w.setup(confirm=False)).id,
    ("charge", "pending"): lambda w: w.charge(DEBIT),
    ("charge", "failed"): lambda w: w.charge(DECLINED),
    ("charge", "uncaptured"): lambda w: w.charge(capture_method="manual"),
    ("charge", "released"): lambda w: w.charge_of(
        w.canceled(w.intent(capture_method="manual"))),
    ("charge", "captured"): lambda w: w.charge(),
    ("charge", "refunded"): lambda w: w.refunded(w.charge()),
    ("refund", "pending"): lambda w: w.refund(w.charge("pm_card_pendingRefund")),
    ("refund", "requires_action"): lambda w: w.refund(w.charge(UNCLEAR)),
    ("refund", "succeeded"): lambda w: w.refund(w.charge()),
    ("refund", "failed"): lambda w: w.v1.test_helpers.refunds.expire(
        w.refund(w.charge(UNCLEAR))).id,
    ("refund", "canceled"): lambda w: w.v1.refunds.cancel(w.refund(w.charge(UNCLEAR))).id,
    ("dispute", "warning_needs_response"): lambda w: w.dispute(INQUIRED),
    ("dispute", "warning_under_review"): lambda w: w.argued(w.dispute(INQUIRED)),
    ("dispute", "warning_closed"): lambda w: w.v1.disputes.close(w.dispute(INQUIRED)).id,
    ("dispute", "needs_response"): lambda w: w.dispute(),
    ("dispute", "under_review"): lambda w: w.argued(w.dispute()),
    ("dispute", "won"): lambda w: w.decided(w.dispute(), "winning_evidence"),
    ("dispute", "lost"): lambda w: w.v1.disputes.close(w.dispute()).id,
    ("payout", "pending"): lambda w: w.payout(),
    ("payout", "in_transit"): lambda w: w.payout(days=1),
    ("payout", "paid"): lambda w: w.payout(days=2),
    ("payout", "failed"): lambda w: w.bank(w.payout(), "failed"),
    ("payout", "canceled"): lambda w: w.v1.payouts.cancel(w.payout()).id,
    ("checkout.session", "open"): lambda w: w.session(),
    ("checkout.session", "complete"): lambda w: w.paid(w.session()),
    ("checkout.session", "expired"): lambda w: w.expired(w.session()),
}  # fmt: skip
