"""Planted bugs in what brings money back, or in without Stripe; how to plant one: `planting`."""

from typing import Any

from payments.cases.collecting import sweep
from payments.cases.disputes import answer_dispute
from payments.cases.payments import offline_and_credit
from payments.cases.refunds import give_back
from payments.doors.doors import Doors
from payments.facts import loss
from payments.facts.dispute import Dispute
from payments.facts.payment import Allocation, Payment
from payments.facts.refund import Refund, RefundStatus, room
from payments.facts.stripe_objects import StripeRefund
from payments.steps.attempts.provenance import NotOurs
from payments.steps.disputes import apply_dispute
from payments.steps.refunds import apply_refund, submit_refund
from tests.simulation.planting import NUMBERS, Replace, mutant


@mutant("B14 refund_unreserved")
def give_back_what_came_once_more(swap: Replace) -> None:
    swap(Payment, "refundable", property(lambda self: self.gross - self.disputed))
    swap(give_back, "room", lambda payment, _: room(payment, []))


@mutant("B15 refund_key_random")
def name_each_try_of_a_refund_anew(swap: Replace) -> None:
    key = property(lambda self: f"{self.tenant}:{self.id}:{next(NUMBERS)}")
    swap(Refund, "stripe_key", key)


@mutant("B16 refund_key_per_invoice")
def name_a_refund_by_its_invoice(swap: Replace) -> None:
    swap(Refund, "stripe_key", property(lambda self: f"{self.tenant}:{self.invoice}:refund"))


@mutant("B24 dispute_not_reserved")
def offer_what_a_bank_has_taken(swap: Replace) -> None:
    swap(Dispute, "contested", property(lambda _: 0))


@mutant("B51 inquiry_answered_again")
def answer_a_chargeback_with_what_was_meant_for_the_inquiry(swap: Replace) -> None:
    swap(answer_dispute, "_require_stage", lambda *_: None)
    swap(Dispute, "is_answered_since", lambda *_: False)


@mutant("B90 answered_under_another_key")
def name_each_try_of_an_answer_anew(swap: Replace) -> None:
    key = "{0.tenant}:{0.id}:{1}:{2}"
    swap(Dispute, "stripe_key", lambda self, request: key.format(self, request, next(NUMBERS)))


@mutant("B93 beyond_is_the_first_invoices")
def ask_the_first_invoice_for_what_was_given_back_before(swap: Replace) -> None:
    lose = loss.lose

    def owed(was: loss.Loss, target: int, payment: Payment, stayed: Any) -> loss.Loss:
        found = lose(was, target, payment, stayed)
        more = (Allocation(invoice=payment.invoice, amount=found.beyond),) if found.beyond else ()
        return found.having(parts=(*found.parts, *more), beyond=0)

    swap(apply_dispute, "lose", owed)


@mutant("B36 reversal_ignored")
def believe_that_what_went_back_stays_there(swap: Replace) -> None:
    may_become = Refund.may_become

    def faithful(self: Refund, status: RefundStatus) -> bool:
        return self.status is not RefundStatus.SUCCEEDED and may_become(self, status)

    swap(Refund, "may_become", faithful)


@mutant("B37 dashboard_ignored")
def see_only_what_was_asked_for_here(swap: Replace) -> None:
    def deny(told: StripeRefund, *_: Any) -> Refund:
        raise NotOurs(told.id)

    swap(apply_refund, "_imported", deny)


@mutant("B38 cash_counted_per_try")
def book_cash_at_each_try(swap: Replace) -> None:
    offline = offline_and_credit._offline

    def anew(request: Any, invoice: Any, ident: str, doors: Doors) -> Payment:
        return offline(request, invoice, f"{ident}{next(NUMBERS)}", doors)

    swap(offline_and_credit, "_offline", anew)


@mutant("B39 refunds_not_swept")
def leave_refunds_to_themselves(swap: Replace) -> None:
    swap(sweep, "_sweep_refund", lambda *_: None)


@mutant("B40 refund_timeout_is_failure")
def take_silence_about_a_refund_for_a_no(swap: Replace) -> None:
    submit = submit_refund.submit

    def hasty(refund: Refund, doors: Doors) -> Refund:
        found = submit(refund, doors)
        unheard = found.status is RefundStatus.SUBMITTED
        return submit_refund.give_up(found, "silence", doors) if unheard else found

    swap(give_back, "submit", hasty)


@mutant("B86 refund_sent_again_unlisted")
def send_what_stripe_failed_again_without_looking(swap: Replace) -> None:
    found = submit_refund._found_at_stripe

    def blind(refund: Refund, gateway: Any) -> StripeRefund | None:
        return None if refund.failures else found(refund, gateway)

    swap(submit_refund, "_found_at_stripe", blind)


@mutant("B41 refund_booked_from_its_request")
def book_a_refund_before_stripe_has_told(swap: Replace) -> None:
    heard = apply_refund._heard

    def sanguine(refund: Refund, told: StripeRefund, doors: Doors) -> Refund:
        if told.status in {"pending", "requires_action"}:
            told = told.model_copy(update={"status": "succeeded"})
        return heard(refund, told, doors)

    swap(apply_refund, "_heard", sanguine)


@mutant("B66 paid_twice_is_nobodys_credit")
def leave_with_the_invoice_what_it_does_not_need(swap: Replace) -> None:
    swap(apply_refund, "freed_by", lambda *_: ())
