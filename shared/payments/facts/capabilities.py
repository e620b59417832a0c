"""What a payment module can do, what could be switched on, and what it cannot do."""

from typing import Literal

from payments.facts.fact import Fact
from payments.facts.module import PaymentModule

#: What other providers offer and Stripe, as it is used here, does not.
NEVER = {
    "banner_card_payment": (
        "Card numbers are typed on Stripe's page only and never reach this service or its callers."
    ),
    "smart_routing": (
        "A module sends every payment to its one Stripe account; Stripe itself chooses the way to "
        "the bank."
    ),
    "spread_out_fees": (
        "Stripe takes its fee out of each payment, in full and at once; it is shown with the "
        "payment."
    ),
}
#: What every module can do, with notes.
ALWAYS = {
    "instant_payment": "A card is paid at once; a slow method is processing until its money is in.",
    "refunds": "In full or in part, as a credit note or reopening the debt.",
    "void_invoice": "An open page is closed at Stripe first; late money is booked, never dropped.",
    "disputes": "They are shown, answered or given up.",
}
#: The module's features, and what each brings.
SWITCHED = {
    "link": ("link_payment", "A pay link opens a page of Stripe."),
    "charge_saved": ("saved_card", "A saved card is charged without its owner."),
    "partial": ("partial_payment", "A part of an invoice can be paid."),
    "surcharge": (
        "surcharge",
        "The payer pays the module's fee on top, where the account has keys of its own.",
    ),
}


class Capability(Fact):
    """One capability; `off` could be switched on in the module, `unavailable` could not."""

    name: str
    status: Literal["available", "off", "unavailable"]
    reason: str


def capabilities(module: PaymentModule) -> tuple[Capability, ...]:
    """Return all capabilities, those first that can be switched."""
    switched = [
        Capability(
            name=name,
            status="available" if getattr(module.features, feature) else "off",
            reason=text if getattr(module.features, feature) else f"Feature {feature} is off.",
        )
        for feature, (name, text) in SWITCHED.items()
    ]
    always = [
        Capability(name=name, status="available", reason=text) for name, text in ALWAYS.items()
    ]
    never = [
        Capability(name=name, status="unavailable", reason=text) for name, text in NEVER.items()
    ]
    return (*switched, *always, *never)
