"""What a charge brings into the balance: a moment after it has succeeded, or at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.standin.engine.messages import Json
from local.standin.engine.recording import difference
from local.standin.engine.routing import job
from local.standin.funds import balance, shares
from local.standin.funds.conversion import settled
from local.standin.payments.states import CHARGE

if TYPE_CHECKING:
    from local.standin.engine.call import Call


def collect(
    call: Call, intent: Json, charge: Json, operation: str, amount: int, *, at_once: bool = False
) -> None:
    """
    Take the money that arrives.

    With `automatic_async`, which is usual, Stripe answers before its books know of the charge:
    `balance_transaction` comes with `charge.updated`.
    """
    CHARGE.move(
        charge, operation, "captured",
        status="succeeded", paid=True, captured=True, amount_captured=amount,
    )  # fmt: skip
    settled(call, amount, charge["currency"])
    waits = operation == "capture" and intent["capture_method"] == "automatic_async"
    if waits and not at_once and call.world.books_after_s:
        shares.share(call, intent, charge)
        call.save(charge)
        call.hide(charge["id"], unbooked=True, platform=call.platform)
        call.later(call.world.books_after_s, "book_charge", charge["id"])
        return
    book(call, intent, charge, at_once=at_once)
    shares.share(call, intent, charge)
    call.save(charge)
    if at_once:
        call.emit("balance.available", balance.current(call))


def book(call: Call, intent: Json, charge: Json, *, at_once: bool = False) -> None:
    """Book what came, less the fees."""
    amount, currency = charge["amount_captured"], charge["currency"]
    came, own, _ = settled(call, amount, currency)
    fees = [balance.fee_line(balance.processing_fee(came, own), own)]
    platform_fee = shares.fee_of(intent, amount)
    if call.platform and platform_fee:
        fees.append(balance.fee_line(platform_fee, currency, "application_fee"))
    kind = "charge" if charge["payment_method_details"]["type"] == "card" else "payment"
    entry = balance.post(
        call, kind, amount, currency, charge["id"],
        fees=fees, at_once=at_once, description=charge["description"],
    )  # fmt: skip
    charge["balance_transaction"] = entry["id"]
    call.save(charge)


def ensure_booked(call: Call, charge: Json) -> None:
    """Book a charge that waits for it: what is to be taken back has to be there."""
    hidden = call.hidden(charge["id"])
    if not hidden.get("unbooked"):
        return
    call.hide(charge["id"], unbooked=False)
    before = call.get("charge", charge["id"])
    at_home = call.on(call.scope)
    at_home.platform = hidden["platform"]
    book(at_home, call.get("payment_intent", charge["payment_intent"]), charge)
    call.emit("charge.updated", charge, difference(before, charge))


@job("book_charge")
def book_charge(call: Call, ident: str) -> None:
    ensure_booked(call, call.get("charge", ident))
