"""Planted bugs in what Stripe converts, and in what is too much; how to plant one: `planting`."""

from payments.doors.doors import Doors
from payments.facts import ledger
from payments.facts.invoice import Invoice
from payments.facts.payment import Payment
from payments.facts.refund import Refund
from payments.facts.settlement import Settlement
from payments.steps.payments import apply_payment
from tests.simulation.planting import Replace, mutant


@mutant("B67 converted_is_entered_as_it_was")
def enter_what_was_converted_beside_what_it_became(swap: Replace) -> None:
    swap(ledger, "_far_side", lambda payment, _: ledger.money_account(payment))


@mutant("B68 returned_at_the_rate_it_went")
def bring_a_failed_refund_back_as_it_went(swap: Replace) -> None:
    learning = Refund.learning

    def unchanged(self: Refund, told: dict[str, Settlement]) -> Refund:
        found = learning(self, told)
        if not (found.settled and found.returned):
            return found
        return found.having(returned=found.returned.having(amount=-found.settled.amount))

    swap(Refund, "learning", unchanged)


@mutant("B69 excess_is_promised_and_kept")
def promise_back_what_stays_the_customers_credit(swap: Replace) -> None:
    give_back = apply_payment.give_back_excess

    def generous(
        payment: Payment, invoices: list[Invoice], doors: Doors
    ) -> tuple[Payment, list[Refund]]:
        promised, back = give_back(payment, invoices, doors)
        return promised.having(unapplied=payment.unapplied, returned=0), back

    swap(apply_payment, "give_back_excess", generous)


@mutant("B70 excess_is_taken_for_late")
def ask_what_becomes_of_late_money(swap: Replace) -> None:
    give_back = apply_payment.give_back_excess

    def confused(
        payment: Payment, invoices: list[Invoice], doors: Doors
    ) -> tuple[Payment, list[Refund]]:
        late = [each.having(voided_at=doors.now()) for each in invoices]
        return give_back(payment, late, doors)

    swap(apply_payment, "give_back_excess", confused)
