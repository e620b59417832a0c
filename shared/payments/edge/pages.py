"""Build the payer's pages: a pay link's view, or a refusal, in the payer's language."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from payments.cases.links.pay_page import LinkView, Received, wrong_part
from payments.facts.attempt import Attempt
from payments.facts.invoice import InvoiceStatus
from payments.facts.module import ModuleState
from payments.facts.payment import Payment
from payments.steps.links.payability import LinkState
from payments.wording import locales, reading
from payments.wording.sentences import say
from payments.wording.sheets import COLOUR, Choice, Form, Note, Paid, Sheet

#: States that say nothing about the invoice: such a link proves nothing any more.
_SILENT = {LinkState.REVOKED, LinkState.REPLACED, LinkState.EXPIRED, LinkState.DRAFT}
#: States in which the page asks for money.
_ASKS = {LinkState.PAYABLE, LinkState.PART_PAID}
_MOODS = {LinkState.PAID: "good", LinkState.PART_PAID: "good", LinkState.UNAVAILABLE: "bad"}
#: States in which a payer can only look again.
_LOOK_AGAIN = {LinkState.IN_PROGRESS, LinkState.PROCESSING}
#: Shown instead of an amount that was none.
CARD_NUMBER = "(card number)"
_BRANDS = {
    "amex": "American Express",
    "jcb": "JCB",
    "unionpay": "UnionPay",
    "diners": "Diners Club",
}


def chosen(view: LinkView, typed: str | None, locale: str) -> tuple[int | None, str]:
    """Return the amount that a payer typed, and what is wrong with it, if anything."""
    if typed is None:
        return None, ""
    if typed == CARD_NUMBER:
        return None, "card"
    amount = reading.minor_units(typed, view.invoice.currency, locale)
    return amount, "unreadable" if amount is None else wrong_part(view, amount)


def pay_page(
    view: LinkView, locale: str, path: str, typed: str | None = None, wrong: str = ""
) -> Sheet:
    """
    Return the page of a pay link: what is owed and a button, or what became of it.

    `typed` is what a payer typed, and `wrong` why that cannot be paid.
    """
    written = partial(locales.amount, currency=view.invoice.currency, locale=locale)
    shown = _shown(view, locale, written) if view.state not in _SILENT else Sheet(locale, "")
    payable = view.state in _ASKS
    waiting = view.waiting if view.state is LinkState.CONFIRM else None
    sheet = replace(
        shown,
        title=_title(view, locale),
        merchant=view.merchant,
        logo=view.settings.logo,
        colour=view.settings.colour or COLOUR,
        notes=tuple(_notes(view, locale)),
        form=_form(view, locale, path, typed, wrong) if payable else None,
        again=(say("page.again", locale), path) if view.state in _LOOK_AGAIN else None,
    )
    return replace(sheet, **_confirming(view, waiting, locale, path)) if waiting else sheet


def notice(name: str, locale: str, *, again: str | None = None) -> Sheet:
    """Return a page with one message, and perhaps a link for another look."""
    return Sheet(
        locale,
        say(f"page.{name}.title", locale),
        notes=(Note(say(f"page.{name}.text", locale)),),
        again=(say("page.again", locale), again) if again else None,
    )


def _confirming(view: LinkView, waiting: Attempt, locale: str, path: str) -> dict[str, Any]:
    """Return the parts of a page on which a payer goes on to their bank, or pays another way."""
    amount = locales.amount(waiting.charged, waiting.currency, locale)
    note = say("page.confirm.note", locale, merchant=view.merchant)
    return {
        "sum": amount,
        "form": Form(f"{path}/confirm", say("page.confirm.button", locale, amount=amount), note),
        "other": Form(f"{path}/pay", say("page.confirm.other", locale), ""),
    }


def _title(view: LinkView, locale: str) -> str:
    if view.state in _SILENT:
        return say(f"page.{view.state}.title", locale)
    return say("page.invoice", locale, number=view.invoice.number)


def _notes(view: LinkView, locale: str) -> list[Note]:
    found = []
    if view.state is not LinkState.PAYABLE:
        left = locales.amount(view.left, view.invoice.currency, locale)
        came = locales.amount(view.link.paid, view.invoice.currency, locale)
        values = {"merchant": view.merchant, "date": _last_day(view, locale)}
        values |= {"left": left, "part": came} | _asked(view, locale)
        text = say(f"page.{view.state}.text", locale, **values)
        title = say(f"page.{view.state}.title", locale) if view.state not in _SILENT else ""
        found.append(Note(text, title, _MOODS.get(view.state, "")))
    elif view.surcharge and view.may_choose:
        found.append(Note(say("page.surcharge_chosen", locale)))
    elif view.link.rule == "full" and view.part < view.left:
        part, left = (
            locales.amount(amount, view.invoice.currency, locale)
            for amount in (view.part, view.left)
        )
        found.append(Note(say("page.part", locale, part=part, left=left)))
    if view.state is LinkState.PAYABLE and view.failed_at:
        found.append(
            Note(say("page.failed", locale, date=_day(view, view.failed_at, locale)), "", "bad")
        )
    return found


def _asked(view: LinkView, locale: str) -> dict[str, str]:
    """Return the card that is to pay, and until when its owner can confirm it."""
    if not view.waiting or not view.waiting.confirm_by:
        return {}
    card = say("page.confirm.card", locale)
    if view.card and view.card.last4:
        brand = _brand(view.card.brand or "")
        card = say("page.card", locale, brand=brand, last4=view.card.last4).strip()
    return {"card": card, "date": _day(view, view.waiting.confirm_by, locale)}


def _day(view: LinkView, at: datetime, locale: str) -> str:
    """Return a day in the merchant's time zone."""
    return locales.day_of(at, locale, view.settings.time_zone)


def _last_day(view: LinkView, locale: str) -> str:
    """Return the last day of a link; one that ends at midnight ends with the day before."""
    if not view.link.expires_at:
        return ""
    return _day(view, view.link.expires_at - timedelta(seconds=1), locale)


def _due(view: LinkView, locale: str) -> str:
    due = view.invoice.due
    if not due:
        return ""
    name = "page.overdue" if view.is_overdue else "page.due"
    return say(name, locale, date=locales.day(due, locale))


def _brand(name: str) -> str:
    return _BRANDS.get(name, name.title())


def _shown(view: LinkView, locale: str, written: Callable[[int], str]) -> Sheet:
    """Return the invoice as each reader with the link may see it."""
    invoice, payable = view.invoice, view.state in _ASKS
    lines = tuple(
        (f"{line.quantity} \N{MULTIPLICATION SIGN} {line.description}", written(line.amount))
        for line in invoice.lines
    )
    message = view.link.message if view.state is LinkState.PAYABLE else None
    is_test = view.module.state is ModuleState.SANDBOX
    return Sheet(
        locale,
        "",
        test=say("page.test", locale) if is_test else "",
        sum=written(view.left if view.may_choose else view.part + view.surcharge)
        if payable
        else "",
        due=_due(view, locale) if payable else "",
        message=(say("page.message", locale, merchant=view.merchant), message) if message else None,
        lines=lines
        or (
            (
                say("page.invoice", locale, number=invoice.number),
                written(invoice.total - invoice.surcharged),
            ),
        ),
        sums=tuple(_sums(view, locale, written)),
        history=tuple(_paid(view, each, locale, written) for each in view.received),
    )


def _sums(view: LinkView, locale: str, written: Callable[[int], str]) -> list[tuple[str, str]]:
    invoice = view.invoice
    found = [(say("page.total", locale), written(invoice.total))]
    if invoice.surcharged:
        found.insert(0, (say("page.surcharge", locale), written(invoice.surcharged)))
    if invoice.credited:
        found.append((say("page.credited", locale), written(-invoice.credited)))
    if invoice.paid:
        # Where more was refunded than paid, the paid amount is negative: the rest is owed on top.
        sign = "+" if invoice.paid < 0 else ""
        found.append((say("page.history", locale), f"{sign}{written(-invoice.paid)}"))
    if (invoice.credited or invoice.paid) and invoice.status is not InvoiceStatus.VOID:
        found.append((say("page.left", locale), written(invoice.outstanding)))
    if view.surcharge and view.state in _ASKS and not view.may_choose:
        found.append((say("page.surcharge", locale), written(view.surcharge)))
    return found


def _paid(view: LinkView, received: Received, locale: str, written: Callable[[int], str]) -> Paid:
    payment, date = received.payment, _day(view, received.payment.paid_at, locale)
    url = payment.note.receipt_url
    receipt = (say("page.receipt", locale), url, say("page.receipt_of", locale, date=date))
    back = say("page.given_back", locale, amount=written(received.went_back))
    return Paid(
        date=date,
        how=_how(payment, locale),
        amount=written(received.amount),
        back=back if received.went_back else "",
        receipt=receipt if url else None,  # type: ignore[arg-type]
    )


def _how(payment: Payment, locale: str) -> str:
    note = payment.note
    if note.last4 and note.brand:
        return say("page.card", locale, brand=_brand(note.brand), last4=note.last4)
    return say(f"page.method.{payment.method}", locale)


def _form(view: LinkView, locale: str, path: str, typed: str | None, wrong: str) -> Form:
    written = partial(locales.amount, currency=view.invoice.currency, locale=locale)
    note = say("page.secure", locale, merchant=view.merchant)
    if not view.may_choose:
        rest = "rest" if view.state is LinkState.PART_PAID else ""
        name = "page.pay_rest" if rest else "page.pay"
        pay = say(name, locale, amount=written(view.part + view.surcharge))
        return Form(f"{path}/pay", pay, note, field=rest)
    limits = {"least": written(view.least), "most": written(view.most)}
    hint = say("page.choose_hint", locale, **limits)
    if wrong == "rest":
        limits["least"] = written(view.least_rest)
    example = reading.plain(view.left, view.invoice.currency, locale)
    typed = reading.plain(view.part, view.invoice.currency, locale) if typed is None else typed
    choice = Choice(
        label=say("page.choose", locale),
        currency=view.invoice.currency.upper(),
        value="" if typed == CARD_NUMBER else typed,
        hint=hint,
        error=say(f"page.wrong_{wrong}", locale, example=example, **limits) if wrong else "",
    )
    return Form(f"{path}/pay", say("page.pay_chosen", locale), note, choice)
