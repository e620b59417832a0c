"""Charge a saved card, and tell the caller what a decline means."""

from dataclasses import dataclass

from payments.doors.doors import Doors
from payments.errors import (
    AuthenticationRequired,
    CardDeclined,
    Declined,
    NotFound,
    PaymentBlocked,
    PaymentCanceled,
    ValidationFailed,
)
from payments.facts.attempt import SWEEP_AFTER, Attempt, AttemptStatus, Channel, Decline
from payments.facts.caller import Caller
from payments.facts.customer import Customer, SavedMethod
from payments.facts.invoice import Invoice
from payments.facts.module import OnActionRequired
from payments.facts.payment import Allocation
from payments.facts.velocity import Scope
from payments.money import Money, require_chargeable
from payments.steps.attempts.provenance import Slot
from payments.steps.collecting.claims import claim
from payments.steps.collecting.saved_card import charge
from payments.steps.customers.told_stripe import told
from payments.steps.links.link_tokens import link_for, page_of
from payments.steps.modules.permissions import (
    Permitted,
    module_of,
    require_ready,
    require_same_books,
    require_use,
)
from payments.steps.modules.velocity_limits import count_attempt, note_decline

_S = AttemptStatus

#: What staff are told, by Stripe's decline code first. Stripe's advice code is about the card, but
#: a customer without funds pays sooner in another way.
ADVICE = {
    "insufficient_funds": "use_another_method",
    "withdrawal_count_limit_exceeded": "use_another_method",
    "processing_error": "try_again_later",
    "reenter_transaction": "try_again_later",
    "issuer_not_available": "try_again_later",
    "incorrect_cvc": "confirm_card_data",
    "invalid_cvc": "confirm_card_data",
    "authentication_required": "send_pay_link",
    "try_again_later": "try_again_later",
    "do_not_try_again": "use_another_method",
    "confirm_card_data": "confirm_card_data",
}


@dataclass(frozen=True, slots=True)
class Part:
    """The amount asked for one invoice: minor units, or None for all that is collectable."""

    invoice: str
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """
    One charge for one invoice, or for several invoices of one customer.

    Without a card, the default card is charged. `on_action_required` says what follows where the
    bank asks for the card's owner: they get a link, if the module has links, or the charge fails.
    """

    parts: tuple[Part, ...]
    module: str | None = None
    customer: str | None = None
    payment_method: str | None = None
    supersede_open_links: bool = True
    on_action_required: OnActionRequired | None = None


def charge_token(
    request: ChargeRequest, *, attempt_id: str, caller: Caller, doors: Doors
) -> Attempt:
    """
    Charge a saved card for an invoice and return the attempt as far as it came.

    `attempt_id` belongs to the request: a repeat goes on where the request stopped. Raise Declined
    where Stripe tried and no money moved.
    """
    names = [part.invoice for part in request.parts]
    attempt, invoices = doors.store.begun(caller.tenant, attempt_id, *names)
    if not attempt:
        attempt = _begin(request, attempt_id, invoices, caller, doors)
    if attempt.is_open:
        attempt = charge(attempt, doors)
    if attempt.status is _S.FAILED:
        decline = attempt.decline or Decline(code="card_declined")
        note_decline(
            decline.charge or attempt.id, attempt, _fingerprint(attempt, doors), doors=doors
        )
        raise declined(attempt, decline)
    if attempt.status in {_S.CANCELED, _S.EXPIRED}:
        detail = "The attempt was given up before the bank was asked. No money moved; charge again."
        raise PaymentCanceled(detail, attempt_id=attempt.id)
    return attempt


def page_to_confirm(attempt_id: str, invoice: str, *, caller: Caller, doors: Doors) -> str | None:
    """Return the address of the page on which the payer of a waiting attempt goes on, or None."""
    attempt = doors.store.attempt(caller.tenant, invoice, attempt_id)
    home = doors.store.invoice(caller.tenant, invoice)
    link = link_for(attempt, home, doors) if attempt else None
    return page_of(caller.base_url, caller.tenant, link.id, doors) if link else None


def declined(attempt: Attempt, decline: Decline) -> Declined:
    """Return the refusal for a decline; a block by Stripe's own rules has its own words."""
    kind: type[Declined] = CardDeclined
    detail = "The bank declined this card."
    if decline.asks_payer:
        kind, detail = (
            AuthenticationRequired,
            "The bank wants the cardholder to confirm this payment.",
        )
    elif decline.outcome_type == "blocked":
        kind, detail = PaymentBlocked, "The payment was stopped before it reached the bank."
    advice = ADVICE.get(decline.decline_code or decline.code) or ADVICE.get(
        decline.advice_code or ""
    )
    return kind(
        detail,
        attempt_id=attempt.id,
        decline_code=decline.decline_code,
        advice_code=decline.advice_code,
        advice=advice or "use_another_method",
        charge=decline.charge,
        payment_intent=attempt.payment_intent,
    )


def _begin(
    request: ChargeRequest, attempt_id: str, invoices: list[Invoice], caller: Caller, doors: Doors
) -> Attempt:
    _require_one_payer(invoices, request.customer)
    ways, customer = _ways(invoices, request.module, caller.tenant, doors)
    permitted = ways[0]
    for invoice, way in zip(invoices, ways, strict=True):
        _require_way(way, request)
        require_same_books(invoice, permitted)
    customer.require_enabled()
    card = _card(customer, request.payment_method, permitted, doors)

    def propose(seen: list[Invoice]) -> Attempt:
        shares = tuple(map(_share, seen, request.parts))
        for way, invoice, share in zip(ways, seen, shares, strict=True):
            if _is_partial(invoice, share):
                way.module.require("partial")
        money = Money(sum(share.amount for share in shares), seen[0].currency)
        require_chargeable(money)
        return Attempt(
            **permitted.binds(money),
            id=attempt_id,
            invoice=seen[0].id,
            customer=customer.ref,
            channel=Channel.CHARGE,
            created_at=doors.now(),
            stripe_customer=card.stripe_customer,
            payment_method=card.id,
            sweep_at=doors.now() + SWEEP_AFTER,
            on_action_required=request.on_action_required or permitted.module.on_action_required,
            allocations=shares if len(shares) > 1 else (),
        )

    # An impossible charge must not close an open session first.
    _require_taken(invoices, request.parts, ways)
    subjects: dict[Scope, str | None] = {"customer": customer.ref, "card": card.fingerprint}
    count_attempt(attempt_id, permitted.module, subjects, doors=doors)
    return claim(invoices, propose, supersede=request.supersede_open_links, doors=doors)


def _ways(
    invoices: list[Invoice], asked: str | None, tenant: str, doors: Doors
) -> tuple[list[Permitted], Customer]:
    """Return through what each invoice is collected, its own module, and who owes them."""
    first = module_of(invoices[0], asked)
    names = [module_of(invoice, asked if invoice.module else first) for invoice in invoices]
    way, customer = require_use(tenant, first, "charge_saved", invoices[0].customer, doors)
    ways = {first: way}
    for name in names:
        if name not in ways:
            module = doors.store.module(tenant, name)
            ways[name] = require_ready(module, "charge_saved", doors)
    if len({(each.account.id, each.mode) for each in ways.values()}) > 1:
        raise ValidationFailed("One charge pays invoices that one Stripe account collects.")
    return [ways[name] for name in names], customer


def _require_way(way: Permitted, request: ChargeRequest) -> None:
    way.module.require_card()
    if request.on_action_required == "send_link":
        way.module.require("link")


def _require_taken(invoices: list[Invoice], parts: tuple[Part, ...], ways: list[Permitted]) -> None:
    asked = [
        invoice.require_collectable(part.amount, beside=invoice.reserved).amount
        for invoice, part in zip(invoices, parts, strict=True)
    ]
    money = Money(sum(asked), invoices[0].currency)
    for way, invoice, amount in zip(ways, invoices, asked, strict=True):
        way.require_money(money, invoice.collectable + invoice.reserved - amount)


def _fingerprint(attempt: Attempt, doors: Doors) -> str | None:
    card = doors.store.card(attempt.tenant, attempt.customer, attempt.payment_method or "")
    return card.fingerprint if card else None


def _require_one_payer(invoices: list[Invoice], customer: str | None) -> None:
    first = invoices[0]
    if len({invoice.id for invoice in invoices}) < len(invoices):
        raise ValidationFailed("Name each invoice once.")
    if any(invoice.customer != (customer or first.customer) for invoice in invoices):
        raise ValidationFailed("One charge pays invoices of one customer, its own.")
    if any(invoice.currency != first.currency for invoice in invoices):
        raise ValidationFailed("One charge pays invoices in one currency.")


def _share(invoice: Invoice, part: Part) -> Allocation:
    money = invoice.require_collectable(part.amount)
    return Allocation(invoice=invoice.id, amount=money.amount)


def _is_partial(invoice: Invoice, share: Allocation) -> bool:
    return share.amount < invoice.outstanding


def _card(customer: Customer, asked: str | None, permitted: Permitted, doors: Doors) -> SavedMethod:
    slot = Slot(customer.tenant, permitted.account.id, permitted.mode)
    customer = told(customer, slot, doors)
    name = asked or customer.default_payment_method
    if not name:
        raise ValidationFailed(
            f"Customer {customer.ref} has no saved card, so the request has to name one."
        )
    card = doors.store.card(customer.tenant, customer.ref, name)
    if not card or not card.is_active or card.slot != slot.where:
        raise NotFound("There is no such saved card.")
    return card
