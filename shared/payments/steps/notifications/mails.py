"""What a mail says, put together when it is sent: from the rows as they are then."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from payments.doors.doors import Doors
from payments.doors.mail import Attachment, Mail
from payments.facts.account import EMAILS_MAX, Account
from payments.facts.attempt import Attempt, Channel
from payments.facts.notification import Kind, Notification, PartStatus
from payments.facts.payment import Payment
from payments.facts.recovery import Course, decide
from payments.steps.notifications import account_alerts, mail_problems, reminders
from payments.steps.notifications.mail_scene import (
    Nobody,
    Scene,
    pay_page,
    scene_of,
    to_buyer,
    to_seller,
    to_watcher,
)
from payments.wording import invoice_pdf, locales
from payments.wording.letters import Letter
from payments.wording.sentences import say
from payments.wording.staff import LOCALE as STAFF
from payments.wording.staff import reason, tell

#: Charges by hand that fail so soon after one another are one story to the payer.
CHAIN = timedelta(hours=24)
_TOLD = frozenset({PartStatus.SENDING, PartStatus.SENT, PartStatus.UNSURE})


def compose(reader: str, told: Notification, doors: Doors) -> Mail:
    """Return the mail to one kind of reader, or raise Nobody."""
    return MAILS[told.kind][reader](told, doors)


def readers_of(kind: Kind) -> tuple[str, ...]:
    """Return who is written to about a fact of this kind."""
    return tuple(MAILS.get(kind, ()))


def _words(scene: Scene, amount: int) -> Callable[[str], str]:
    """Return what says a sentence to the buyer, about an amount."""
    values = scene.values(amount, scene.locale)
    return lambda name: say(name, scene.locale, **values)


def _for_staff(scene: Scene, amount: int) -> Callable[[str], str]:
    """Return what says a sentence to the merchant's people, about an amount."""
    values = scene.values(amount, STAFF)
    return lambda name: tell(name, **values)


def _receipt(told: Notification, doors: Doors) -> Mail:
    scene, payment = scene_of(told, doors), _payment(told, doors)
    word = _words(scene, payment.gross)
    return to_buyer(scene, _about_payment("mail.receipt", scene, payment, scene.locale, word))


def _sale(told: Notification, doors: Doors) -> Mail:
    scene, payment = scene_of(told, doors), _payment(told, doors)
    word = _for_staff(scene, payment.gross)
    return to_seller(scene, _about_payment("sale", scene, payment, STAFF, word))


def _about_payment(
    name: str, scene: Scene, payment: Payment, locale: str, word: Callable[[str], str]
) -> Letter:
    ending = "part" if scene.invoice.outstanding else "paid"
    facts = [*scene.facts(payment.gross, locale), *_when(payment, locale)]
    return scene.letter(name, locale, word, facts, body=ending)


def _when(payment: Payment, locale: str) -> list[tuple[str, str]]:
    facts = [(say("mail.label.date", locale), locales.day(payment.paid_at, locale))]
    if payment.note.last4:
        shown = f"{(payment.note.brand or '').title()} •••• {payment.note.last4}".strip()
        facts.append((say("mail.label.card", locale), shown))
    return facts


def _invoice(told: Notification, doors: Doors) -> Mail:
    """Send an invoice with its link, as somebody of the merchant has asked for."""
    scene = scene_of(told, doors)
    if not scene.invoice.outstanding:
        raise Nobody("paid")
    link = doors.store.link(told.tenant, told.subject, told.refs["link"])
    if not link.is_usable(doors.now()):
        raise Nobody("link_withdrawn")
    locale, left = scene.locale, scene.invoice.outstanding
    word = _words(scene, left)
    button = (word("mail.invoice.button"), pay_page(told, link, doors))
    facts = [
        *scene.facts(scene.invoice.total, locale, "total"),
        *scene.tax(locale),
        *scene.still(locale),
    ]
    letter = scene.letter("mail.invoice", locale, word, facts, button=button, message=link.message)
    drawn = invoice_pdf.draw(scene.sheet())
    file = Attachment(f"{_file_name(scene.invoice.number)}.pdf", "application/pdf", drawn)
    return to_buyer(scene, letter, address=told.refs.get("email"), files=(file,))


def _file_name(number: str) -> str:
    """Return a number as part of a file's name: what a path or a header would read is gone."""
    return "".join(each if each.isascii() and each.isalnum() else "-" for each in number)[:60]


def _declined(told: Notification, doors: Doors) -> Mail:
    """Tell a payer that a saved card was not charged; why is the merchant's business alone."""
    scene, attempt = scene_of(told, doors), _attempt(told, doors)
    if _was_told(told, attempt, doors):
        raise Nobody("told_before")
    if not scene.invoice.outstanding:
        raise Nobody("paid")
    asks = attempt.decline is not None and attempt.decline.asks_payer
    name, locale = "mail.confirm" if asks else "mail.declined", scene.locale
    word = _words(scene, attempt.amount)
    page = pay_page(told, scene.link(attempt, doors), doors)
    button = (word(f"{name}.button"), page) if page else None
    return to_buyer(
        scene, scene.letter(name, locale, word, scene.facts(attempt.amount, locale), button=button)
    )


def _was_told(told: Notification, attempt: Attempt, doors: Doors) -> bool:
    """Whether the payer knows: of tries that end alike, one after the other, one is told."""
    others = [
        each
        for each in doors.store.notices(told.tenant, "INV", told.subject, told.kind)
        if each.id != told.id and "buyer" in each.parts and each.parts["buyer"].status in _TOLD
    ]
    if not others:
        return False
    last = others[-1]
    known = doors.store.attempt(told.tenant, told.subject, last.refs["attempt"])
    again = attempt.channel is Channel.AUTO or told.created_at - last.created_at < CHAIN
    return again and known is not None and _ended(known) == _ended(attempt)


def _ended(attempt: Attempt) -> tuple[Course | None, str | None]:
    """Return what decides what a payer can do now: what the bank leaves to do, and which card."""
    return decide(attempt.decline) if attempt.decline else None, attempt.payment_method


def _confirm(told: Notification, doors: Doors) -> Mail:
    """Ask a payer to confirm with their bank what their saved card is to pay."""
    scene, attempt = scene_of(told, doors), _attempt(told, doors)
    if not attempt.waits or not attempt.confirm_by:
        raise Nobody("asked_no_more")
    name, locale = "mail.confirm", scene.locale
    word, page = _words(scene, attempt.charged), pay_page(told, scene.link(attempt, doors), doors)
    until = locales.day(attempt.confirm_by, locale)
    facts = [*scene.facts(attempt.charged, locale), (say("mail.label.confirm_by", locale), until)]
    button = (word(f"{name}.button"), page) if page else None
    return to_buyer(scene, scene.letter(name, locale, word, facts, button=button))


def _blocked(told: Notification, doors: Doors) -> Mail:
    """Tell the merchant, and nobody else, that Stripe's own rules have stopped a payment."""
    scene, attempt = scene_of(told, doors), _attempt(told, doors)
    if not attempt.decline or attempt.decline.outcome_type != "blocked":
        raise Nobody("not_blocked")
    word = _for_staff(scene, attempt.amount)
    why = [
        ("Risk", attempt.decline.risk_level or "unknown"),
        reason(attempt.decline.decline_code or attempt.decline.code),
    ]
    facts = [*scene.facts(attempt.amount, STAFF), *why]
    return to_seller(scene, scene.letter("blocked", STAFF, word, facts))


def _refund(told: Notification, doors: Doors) -> Mail:
    scene = scene_of(told, doors)
    refund = doors.store.refund(told.tenant, told.subject, told.refs["refund"])
    if not refund or told.refs["status"] != "succeeded":
        raise Nobody("nothing_given_back")
    word = _words(scene, refund.amount)
    return to_buyer(
        scene,
        scene.letter("mail.refund", scene.locale, word, scene.facts(refund.amount, scene.locale)),
    )


def _refund_failed(told: Notification, doors: Doors) -> Mail:
    scene = scene_of(told, doors)
    refund = doors.store.refund(told.tenant, told.subject, told.refs["refund"])
    if not refund or told.refs["status"] != "failed":
        raise Nobody("given_back")
    word = _for_staff(scene, refund.amount)
    facts = [*scene.facts(refund.amount, STAFF), reason(refund.failure_reason)]
    return to_seller(scene, scene.letter("refund_failed", STAFF, word, facts))


def _dispute(told: Notification, doors: Doors) -> Mail:
    scene = scene_of(told, doors)
    dispute = doors.store.dispute(told.tenant, told.subject, told.refs["dispute"])
    if not dispute:
        raise Nobody("gone")
    status = told.refs["status"]
    name = f"dispute_{status}" if status in {"won", "lost"} else "dispute"
    word = _for_staff(scene, dispute.amount)
    facts = [*scene.facts(dispute.amount, STAFF), reason(dispute.reason)]
    return to_seller(scene, scene.letter(name, STAFF, word, facts))


def _to_watcher(
    place: int, write: Callable[[Account, str], Letter], told: Notification, doors: Doors
) -> Mail:
    """Write to one of those who are told of an account's errors."""
    account = doors.store.account(told.tenant, told.subject)
    if place >= len(account.error_emails):
        raise Nobody("no_address")
    if told.kind is Kind.ACCOUNT_ERROR and account.slot(told.refs["mode"]).is_active:
        raise Nobody("works_again")
    return to_watcher(account, place, write(account, told.refs["mode"]), doors)


def _watchers(
    write: Callable[[Account, str], Letter],
) -> dict[str, Callable[[Notification, Doors], Mail]]:
    return {
        f"watcher_{place + 1}": partial(_to_watcher, place, write) for place in range(EMAILS_MAX)
    }


def _payment(told: Notification, doors: Doors) -> Payment:
    found = doors.store.payment(told.tenant, told.subject, told.refs["source"])
    if not found:
        raise Nobody("no_payment")
    return found


def _attempt(told: Notification, doors: Doors) -> Attempt:
    found = doors.store.attempt(told.tenant, told.subject, told.refs["attempt"])
    if not found:
        raise Nobody("no_attempt")
    return found


#: By fact and by reader: what is written.
MAILS: dict[Kind, dict[str, Callable[[Notification, Doors], Mail]]] = {
    Kind.INVOICE_SENT: {"buyer": _invoice},
    Kind.PAYMENT_RECEIVED: {"buyer": _receipt, "seller": _sale},
    Kind.PAYMENT_FAILED: {"buyer": _declined, "seller": _blocked},
    Kind.ACTION_REQUIRED: {"buyer": _confirm},
    Kind.REFUND_CHANGED: {"buyer": _refund, "seller": _refund_failed},
    Kind.DISPUTE_CHANGED: {"seller": _dispute},
    Kind.DISPUTE_DEADLINE: {"seller": reminders.deadline},
    Kind.CARD_EXPIRING: {"buyer": reminders.expiring},
    Kind.ACCOUNT_ERROR: _watchers(account_alerts.broken),
    Kind.ACCOUNT_RECOVERED: _watchers(account_alerts.mended),
    Kind.MAIL_RETURNED: {"seller": mail_problems.mail_returned},
    Kind.MAIL_HELD: {"seller": mail_problems.mail_held},
}
