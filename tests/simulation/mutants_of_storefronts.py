"""Planted bugs in a storefront's ways to be paid, and in what the platform has connected."""

from contextlib import suppress
from typing import Any

from payments.cases.collecting import storefront_checkout
from payments.cases.links import pay_links
from payments.doors.doors import Doors
from payments.errors import PaymentsError
from payments.facts.attempt import Attempt, AttemptStatus, Channel
from payments.facts.invoice import Invoice
from payments.facts.outcome import OutcomeUnknown
from payments.facts.payment import Fee
from payments.facts.stripe_objects import Charge
from payments.steps.attempts import transitions
from payments.steps.collecting import claims, close_attempt
from payments.steps.payments import from_charge
from payments.steps.refunds import apply_refund
from tests.simulation.planting import Replace, mutant

_S = AttemptStatus


@mutant("B42 cancel_unfenced")
def cancel_here_and_not_at_stripe(swap: Replace) -> None:
    def close(attempt: Attempt, doors: Doors) -> Attempt:
        return transitions.advance(attempt, _S.CANCELED, doors=doors)

    swap(storefront_checkout, "close", close)


@mutant("B43 intent_left_open")
def charge_beside_a_storefronts_own_page(swap: Replace) -> None:
    release = claims.free_claim

    def keep_open(invoice: Invoice, *, supersede: bool, doors: Doors) -> Invoice:
        if supersede and invoice.claim and invoice.claim.channel is Channel.ELEMENTS:
            return invoice.having(claim=None)
        return release(invoice, supersede=supersede, doors=doors)

    swap(claims, "free_claim", keep_open)


@mutant("B44 refresh_takes_a_decline_for_the_end")
def end_what_may_still_be_paid(swap: Replace) -> None:
    def ask(attempt: Attempt, doors: Doors) -> None:
        gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
        if attempt.payment_intent and not attempt.session:
            intent = gateway.intent(attempt.payment_intent)
            if intent.status == "requires_payment_method":
                transitions.advance(attempt, _S.FAILED, doors=doors)

    swap(storefront_checkout, "_ask", ask)


@mutant("B45 session_without_claim")
def open_a_storefronts_page_before_it_is_claimed(swap: Replace) -> None:
    claim = storefront_checkout.claim

    def open_first(invoices: Any, propose: Any, *, supersede: bool, doors: Doors) -> Attempt:
        attempt = propose([each.having(claim=None) for each in invoices])
        if attempt.channel is Channel.CHECKOUT:
            gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
            back = close_attempt.way_back(attempt, doors)
            with suppress(OutcomeUnknown, PaymentsError):
                gateway.create_session(attempt, invoices[0].number, back)
        return claim(invoices, propose, supersede=supersede, doors=doors)

    swap(storefront_checkout, "claim", open_first)


@mutant("B46 revoke_keeps_page")
def withdraw_a_link_and_leave_its_page(swap: Replace) -> None:
    swap(pay_links, "_close_page", lambda *_: None)


@mutant("B47 fee_back_not_posted")
def keep_what_the_platform_gives_back_out_of_the_books(swap: Replace) -> None:
    swap(apply_refund, "_apply_fee_back", lambda *_: None)


@mutant("B48 platform_fee_forgotten")
def post_stripes_fee_alone(swap: Replace) -> None:
    known = from_charge.fee_of

    def without_the_platforms(charge: Charge) -> Fee:
        fee = known(charge)
        parts = tuple(part for part in fee.fee_details if part.type != "application_fee")
        left = sum(part.amount for part in parts)
        if fee.state == "pending" or len(parts) == len(fee.fee_details):
            return fee
        return fee.model_copy(update={"amount": left, "fee_details": parts})

    swap(from_charge, "fee_of", without_the_platforms)


@mutant("B49 connected_by_the_platform_alone")
def speak_to_the_platforms_own_account(swap: Replace) -> None:
    gateway = Doors.gateway

    def without_account(self: Doors, tenant: str, account: str, mode: str) -> Any:
        found = gateway(self, tenant, account, mode)
        known = (tenant, account, mode) in self.connected
        return self.stripe(self.platform_keys(mode)["secret_key"]) if known else found

    swap(Doors, "gateway", without_account)
