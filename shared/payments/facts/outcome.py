"""How a request to Stripe may end without an answer: a refused card, or an unknown outcome."""

from payments.facts.attempt import Decline


class OutcomeUnknown(Exception):
    """
    A write may or may not have happened at Stripe.

    Only a question by id, or the same key again, can tell.
    """


class FailedAtStripe(OutcomeUnknown):
    """Stripe answered with a failure, which it repeats for a day under the same key."""


class CardRefused(Exception):
    """Stripe tried the payment and it did not succeed."""

    def __init__(self, decline: Decline, intent: str | None) -> None:
        """Keep why, and which PaymentIntent has to be fenced."""
        super().__init__(decline.code)
        self.decline, self.intent = decline, intent
