"""Compose each mail when it is sent, from the rows as they are then."""

from collections.abc import Callable
from datetime import timedelta

from payments.doors.doors import Doors
from payments.doors.mail import Attachment, Mail
from payments.facts.account import EMAILS_MAX, Account
from payments.facts.attempt import Attempt, Channel
from payments.facts.notification import TELLINGS, Kind, Notification, PartStatus
from payments.facts.payment import Payment
from payments.facts.recovery import Course, decide
from payments.steps.notifications import account_alerts, mail_problems, reminders
from payments.steps.notifications.mail_scene import (
    Nobody,
    Scene,
    pay_page,
    scene_of,
    spread,
    to_buyer,
    to_seller,
    to_watcher,
)
from payments.wording import invoice_pdf
from payments.wording.letters import Letter
from payments.wording.sentences import say
from payments.wording.staff import LOCALE as STAFF
from payments.wording.staff import reason, tell

#: Manual charges that fail within this time of each other are told to the payer once.
CHAIN = timedelta(hours=24)
#: The addresses for an account's errors; each gets a mail of its own.
WATCHERS = tuple(f"watcher_{place + 1}" for place in range(EMAILS_MAX))
_TOLD = frozenset({PartStatus.SENDING, PartStatus.SENT, PartStatus.UNSURE})


def compose(reader: str, notice: Notification, doors: Doors) -> Mail:
    """Return the mail to one kind of reader, or raise Nobody."""
    telling = TELLINGS[notice.kind]
    if telling.watchers:
        place = WATCHERS.index(reader)
        return _to_watcher(place, LETTERS[telling.watchers], notice, doors)
    name = {"buyer": telling.buyer, "seller": telling.seller}[reader] or ""
    return MAILS[name](notice, doors)


def readers_of(kind: Kind) -> tuple[str, ...]:
    """Return the kinds of readers that get a mail about a kind of fact."""
    telling = TELLINGS[kind]
    if telling.watchers:
        return WATCHERS
    return tuple(name for name in ("buyer", "seller") if getattr(telling, name))


def _words(scene: Scene, amount: int) -> Callable[[str], str]:
    """Return a function that gives a sentence in the buyer's language, filled in for an amount."""
    values = scene.values(amount, scene.locale)
    return lambda name: say(name, scene.locale, **values)


def _for_staff(scene: Scene, amount: int) -> Callable[[str], str]:
    """Return a function that gives a sentence to the merchant's people, filled in for an amount."""
    values = scene.values(amount, STAFF)
    return lambda name: tell(name, **values)


def _receipt(notice: Notification, doors: Doors) -> Mail:
    scene, payment = scene_of(notice, doors), _payment_behind(notice, doors)
    scene = spread(scene, payment.allocations, doors)
    word = _words(scene, payment.gross)
    return to_buyer(scene, _about_payment("mail.receipt", scene, payment, scene.locale, word))


def _sale(notice: Notification, doors: Doors) -> Mail:
    scene, payment = scene_of(notice, doors), _payment_behind(notice, doors)
    scene = spread(scene, payment.allocations, doors)
    word = _for_staff(scene, payment.gross)
    return to_seller(scene, _about_payment("sale", scene, payment, STAFF, word))


def _about_payment(
    name: str, scene: Scene, payment: Payment, locale: str, word: Callable[[str], str]
) -> Letter:
    ending = "part" if scene.outstanding else "paid"
    facts = [*scene.facts(payment.gross, locale), *_when(scene, payment, locale)]
    return scene.letter(name, locale, word, facts, body=ending)


def _when(scene: Scene, payment: Payment, locale: str) -> list[tuple[str, str]]:
    facts = [(say("mail.label.date", locale), scene.day(payment.paid_at, locale))]
    if payment.note.last4:
        shown = f"{(payment.note.brand or '').title()} •••• {payment.note.last4}".strip()
        facts.append((say("mail.label.card", locale), shown))
    return facts


def _invoice(notice: Notification, doors: Doors) -> Mail:
    """Return the mail with an invoice and its link, which a person asked for."""
    scene = scene_of(notice, doors)
    if not scene.invoice.outstanding:
        raise Nobody("paid")
    link = doors.store.link(notice.tenant, notice.subject, notice.refs["link"])
    if not link.is_usable(doors.now()):
        raise Nobody("link_withdrawn")
    locale, left = scene.locale, scene.invoice.outstanding
    word = _words(scene, left)
    button = (word("mail.invoice.button"), pay_page(notice, link, doors))
    facts = [
        *scene.facts(scene.invoice.total, locale, "total"),
        *scene.tax(locale),
        *scene.still(locale),
    ]
    letter = scene.letter("mail.invoice", locale, word, facts, button=button, message=link.message)
    drawn = invoice_pdf.draw(scene.sheet())
    file = Attachment(f"{_file_name(scene.invoice.number)}.pdf", "application/pdf", drawn)
    return to_buyer(scene, letter, address=notice.refs.get("email"), files=(file,))


def _file_name(number: str) -> str:
    """Return a number as part of a file name, without characters that a path or a header reads."""
    return "".join(each if each.isascii() and each.isalnum() else "-" for each in number)[:60]


def _declined(notice: Notification, doors: Doors) -> Mail:
    """Return the mail that a saved card was not charged; the reason stays with the merchant."""
    scene, attempt = scene_of(notice, doors), _attempt_behind(notice, doors)
    scene = spread(scene, attempt.shares, doors)
    if _was_told(notice, attempt, doors):
        raise Nobody("told_before")
    if not scene.outstanding:
        raise Nobody("paid")
    asks = attempt.decline is not None and attempt.decline.asks_payer
    name, locale = "mail.confirm" if asks else "mail.declined", scene.locale
    word = _words(scene, attempt.amount)
    page = pay_page(notice, scene.link(attempt, doors), doors)
    button = (word(f"{name}.button"), page) if page else None
    return to_buyer(
        scene, scene.letter(name, locale, word, scene.facts(attempt.amount, locale), button=button)
    )


def _was_told(notice: Notification, attempt: Attempt, doors: Doors) -> bool:
    """Whether the payer knows already: of tries in a row that end alike, one is told."""
    others = [
        each
        for each in doors.store.notices(notice.tenant, "INV", notice.subject, notice.kind)
        if each.id != notice.id and "buyer" in each.parts and each.parts["buyer"].status in _TOLD
    ]
    if not others:
        return False
    last = others[-1]
    known = doors.store.attempt(notice.tenant, notice.subject, last.refs["attempt"])
    again = attempt.channel is Channel.AUTO or notice.created_at - last.created_at < CHAIN
    return again and known is not None and _end_of(known) == _end_of(attempt)


def _end_of(attempt: Attempt) -> tuple[Course | None, str | None]:
    """Return what the payer can do now: the course after the decline, and the card."""
    return decide(attempt.decline) if attempt.decline else None, attempt.payment_method


def _confirm_mail(notice: Notification, doors: Doors) -> Mail:
    """Return the mail that asks a payer to confirm a charge of their saved card with their bank."""
    scene, attempt = scene_of(notice, doors), _attempt_behind(notice, doors)
    scene = spread(scene, attempt.shares, doors)
    if not attempt.waits or not attempt.confirm_by:
        raise Nobody("asked_no_more")
    name, locale = "mail.confirm", scene.locale
    word, page = _words(scene, attempt.charged), pay_page(notice, scene.link(attempt, doors), doors)
    until = scene.day(attempt.confirm_by, locale)
    facts = [*scene.facts(attempt.charged, locale), (say("mail.label.confirm_by", locale), until)]
    button = (word(f"{name}.button"), page) if page else None
    return to_buyer(scene, scene.letter(name, locale, word, facts, button=button))


def _blocked(notice: Notification, doors: Doors) -> Mail:
    """Return the mail to the merchant alone: Stripe's rules have stopped a payment."""
    scene, attempt = scene_of(notice, doors), _attempt_behind(notice, doors)
    scene = spread(scene, attempt.shares, doors)
    if not attempt.decline or attempt.decline.outcome_type != "blocked":
        raise Nobody("not_blocked")
    word = _for_staff(scene, attempt.amount)
    why = [
        ("Risk", attempt.decline.risk_level or "unknown"),
        reason(attempt.decline.decline_code or attempt.decline.code),
    ]
    facts = [*scene.facts(attempt.amount, STAFF), *why]
    return to_seller(scene, scene.letter("blocked", STAFF, word, facts))


def _refund_mail(notice: Notification, doors: Doors) -> Mail:
    scene = scene_of(notice, doors)
    refund = doors.store.refund(notice.tenant, notice.subject, notice.refs["refund"])
    if not refund or notice.refs["status"] != "succeeded":
        raise Nobody("nothing_given_back")
    scene = spread(scene, refund.allocations, doors)
    word = _words(scene, refund.amount)
    return to_buyer(
        scene,
        scene.letter("mail.refund", scene.locale, word, scene.facts(refund.amount, scene.locale)),
    )


def _refund_failed(notice: Notification, doors: Doors) -> Mail:
    scene = scene_of(notice, doors)
    refund = doors.store.refund(notice.tenant, notice.subject, notice.refs["refund"])
    if not refund or notice.refs["status"] != "failed":
        raise Nobody("given_back")
    scene = spread(scene, refund.allocations, doors)
    word = _for_staff(scene, refund.amount)
    facts = [*scene.facts(refund.amount, STAFF), reason(refund.failure_reason)]
    return to_seller(scene, scene.letter("refund_failed", STAFF, word, facts))


def _dispute_mail(notice: Notification, doors: Doors) -> Mail:
    scene = scene_of(notice, doors)
    dispute = doors.store.dispute(notice.tenant, notice.subject, notice.refs["dispute"])
    if not dispute:
        raise Nobody("gone")
    payment = doors.store.payment(notice.tenant, notice.subject, dispute.charge)
    scene = spread(scene, payment.allocations if payment else (), doors)
    status = notice.refs["status"]
    name = f"dispute_{status}" if status in {"won", "lost"} else "dispute"
    word = _for_staff(scene, dispute.amount)
    facts = [*scene.facts(dispute.amount, STAFF), reason(dispute.reason)]
    return to_seller(scene, scene.letter(name, STAFF, word, facts))


def _to_watcher(
    place: int, write: Callable[[Account, str], Letter], notice: Notification, doors: Doors
) -> Mail:
    """Return the mail to one of the addresses for an account's errors, or raise Nobody."""
    account = doors.store.account(notice.tenant, notice.subject)
    if place >= len(account.error_emails):
        raise Nobody("no_address")
    if notice.kind is Kind.ACCOUNT_ERROR and account.slot(notice.refs["mode"]).is_active:
        raise Nobody("works_again")
    return to_watcher(account, place, write(account, notice.refs["mode"]), doors)


def _payment_behind(notice: Notification, doors: Doors) -> Payment:
    found = doors.store.payment(notice.tenant, notice.subject, notice.refs["source"])
    if not found:
        raise Nobody("no_payment")
    return found


def _attempt_behind(notice: Notification, doors: Doors) -> Attempt:
    found = doors.store.attempt(notice.tenant, notice.subject, notice.refs["attempt"])
    if not found:
        raise Nobody("no_attempt")
    return found


#: How each mail is written, by the name in the table of tellings.
MAILS: dict[str, Callable[[Notification, Doors], Mail]] = {
    "invoice": _invoice,
    "receipt": _receipt,
    "sale": _sale,
    "declined": _declined,
    "blocked": _blocked,
    "confirm": _confirm_mail,
    "refund": _refund_mail,
    "refund_failed": _refund_failed,
    "dispute": _dispute_mail,
    "deadline": reminders.deadline,
    "card_expiring": reminders.expiring,
    "mail_returned": mail_problems.mail_returned,
    "mail_held": mail_problems.mail_held,
}
#: How each mail about an account's errors is written.
LETTERS: dict[str, Callable[[Account, str], Letter]] = {
    "account_broken": account_alerts.broken,
    "account_mended": account_alerts.mended,
}
