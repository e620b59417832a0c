"""Planted bugs in what waits for a payer's bank; how to plant one: `planting`."""

from payments.cases.links import bank_confirmation
from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.facts.attempt import Attempt
from payments.facts.invoice import Invoice
from payments.facts.outcome import OutcomeUnknown
from payments.facts.stripe_objects import Intent
from payments.steps.collecting import claims
from tests.simulation.planting import Replace, mutant


@mutant("B60 confirmed_as_a_second_payment")
def begin_anew_at_the_bank(swap: Replace) -> None:
    confirm, create = Gateway.confirm_with_payer, Gateway.create_intent

    def confirm_another(self: Gateway, attempt: Attempt, return_url: str) -> Intent:
        key = f"{attempt.id}-{attempt.confirmations}"
        # The same payment to all who look at its metadata, under a key of its own.
        renamed = _Renamed(**attempt.model_dump(), renamed=key)
        other = create(self, renamed, "anew")
        return confirm(self, renamed.model_copy(update={"payment_intent": other.id}), return_url)

    swap(Gateway, "confirm_with_payer", confirm_another)


class _Renamed(Attempt):
    """An attempt whose requests to Stripe have other keys."""

    renamed: str

    def stripe_key(self, step: str) -> str:
        return f"{self.tenant}:{self.renamed}:{step}"


@mutant("B61 waiting_is_left_open")
def take_another_card_beside_the_one_that_waits(swap: Replace) -> None:
    release = claims.free_claim

    def keep_open(invoice: Invoice, *, supersede: bool, doors: Doors) -> Invoice:
        if supersede and invoice.waits_for_payer:
            return invoice.having(claim=None)
        return release(invoice, supersede=supersede, doors=doors)

    swap(claims, "free_claim", keep_open)


@mutant("B91 silence_at_the_button_is_a_bug")
def let_a_payer_see_that_stripe_is_silent(swap: Replace) -> None:
    swap(bank_confirmation, "OutcomeUnknown", type("Never", (OutcomeUnknown,), {}))
