"""What a mail says, put together when it is sent: from the rows as they are then."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from payments.doors.doors import Doors
from payments.doors.mail import Mail
from payments.facts.account import EMAILS_MAX, Account
from payments.facts.customer import Customer
from payments.facts.invoice import Invoice
from payments.facts.notification import Kind, Notification
from payments.facts.payment import Payment
from payments.facts.settings import Settings
from payments.steps import alerting
from payments.wording import letters, locales
from payments.wording.letters import Letter, Look, Row
from payments.wording.sentences import say
from payments.wording.staff import tell

#: In which language the merchant is written to.
STAFF = "en"


class Nobody(Exception):
    """There is nobody to write to, or nothing to write about any more; the text says why."""


@dataclass(frozen=True, slots=True)
class Scene:
    """An invoice and its people, as they are now."""

    invoice: Invoice
    customer: Customer
    settings: Settings
    look: Look


def compose(reader: str, told: Notification, doors: Doors) -> Mail:
    """Return the mail to one kind of reader, or raise Nobody."""
    return MAILS[told.kind][reader](told, doors)


def readers_of(kind: Kind) -> tuple[str, ...]:
    """Return who is written to about a fact of this kind."""
    return tuple(MAILS.get(kind, ()))


def _receipt(told: Notification, doors: Doors) -> Mail:
    scene = _scene(told, doors)
    locale, payment = locales.known(None), _payment(told, doors)
    return _to_buyer(
        scene, _about_payment("mail.receipt", scene, payment, locale, partial(say, locale=locale))
    )


def _sale(told: Notification, doors: Doors) -> Mail:
    scene = _scene(told, doors)
    return _to_seller(scene, _about_payment("sale", scene, _payment(told, doors), STAFF, tell))


def _about_payment(
    name: str, scene: Scene, payment: Payment, locale: str, words: Callable[..., str]
) -> Letter:
    invoice, currency = scene.invoice, scene.invoice.currency
    values = {
        "amount": locales.amount(payment.gross, currency, locale),
        "left": locales.amount(invoice.outstanding, currency, locale),
        "number": invoice.number,
        "customer": scene.customer.name,
    }
    word = partial(words, **values)
    ending = "part" if invoice.outstanding else "paid"
    facts = [
        (say("mail.label.invoice", locale), invoice.number),
        (say("mail.label.amount", locale), values["amount"]),
        (say("mail.label.date", locale), locales.day(payment.paid_at, locale)),
    ]
    if payment.note.last4:
        facts.append((say("mail.label.card", locale), card(payment.note.brand, payment.note.last4)))
    return Letter(
        locale=locale,
        subject=word(f"{name}.subject"),
        title=word(f"{name}.title"),
        paragraphs=(word(f"{name}.{ending}"),),
        facts=tuple(facts),
        rows=_rows(invoice, locale),
        notes=_notes(payment.mode, locale),
    )


def card(brand: str | None, last4: str) -> str:
    """Write a card as its owner knows it."""
    return f"{(brand or 'card').title()} •••• {last4}"


def _rows(invoice: Invoice, locale: str) -> tuple[Row, ...]:
    return tuple(
        Row(
            line.description,
            str(line.quantity),
            locales.amount(line.amount, invoice.currency, locale),
        )
        for line in invoice.lines
    )


def _notes(mode: str | None, locale: str) -> tuple[str, ...]:
    return (say("mail.note.test", locale),) if mode == "test" else ()


def _scene(told: Notification, doors: Doors) -> Scene:
    invoice = doors.store.invoice(told.tenant, told.subject)
    settings = doors.store.settings(told.tenant)
    account = doors.store.account(told.tenant, invoice.account) if invoice.account else None
    name = settings.name or (account.name if account else told.tenant)
    customer = doors.store.customer(told.tenant, invoice.customer)
    return Scene(invoice, customer, settings, Look(name, settings.colour or letters.COLOUR))


def _payment(told: Notification, doors: Doors) -> Payment:
    found = doors.store.payment(told.tenant, told.subject, told.refs["source"])
    if not found:
        raise Nobody("no_payment")
    return found


def _to_buyer(scene: Scene, letter: Letter) -> Mail:
    if not scene.customer.email:
        raise Nobody("no_address")
    return _mail(scene.customer.email, letter, scene.look, reply_to=scene.settings.seller_email)


def _to_seller(scene: Scene, letter: Letter) -> Mail:
    if not scene.settings.seller_email:
        raise Nobody("no_address")
    return _mail(scene.settings.seller_email, letter, scene.look)


def _mail(to: str, letter: Letter, look: Look, *, reply_to: str | None = None) -> Mail:
    return Mail(
        to=to,
        sender=look.name,
        subject=letter.subject,
        text=letters.as_text(letter, look),
        html=letters.as_html(letter, look),
        reply_to=reply_to,
    )


def _to_watcher(
    place: int, write: Callable[[Account, str], Letter], told: Notification, doors: Doors
) -> Mail:
    """Write to one of those who are told of an account's errors."""
    account, settings = (
        doors.store.account(told.tenant, told.subject),
        doors.store.settings(told.tenant),
    )
    if place >= len(account.error_emails):
        raise Nobody("no_address")
    if told.kind is Kind.ACCOUNT_ERROR and account.slot(told.refs["mode"]).is_active:
        raise Nobody("works_again")
    look = Look(settings.name or account.name, settings.colour or letters.COLOUR)
    return _mail(account.error_emails[place], write(account, told.refs["mode"]), look)


def _watchers(
    write: Callable[[Account, str], Letter],
) -> dict[str, Callable[[Notification, Doors], Mail]]:
    return {
        f"watcher_{place + 1}": partial(_to_watcher, place, write) for place in range(EMAILS_MAX)
    }


#: By fact and by reader: what is written.
MAILS: dict[Kind, dict[str, Callable[[Notification, Doors], Mail]]] = {
    Kind.PAYMENT_RECEIVED: {"buyer": _receipt, "seller": _sale},
    Kind.ACCOUNT_ERROR: _watchers(alerting.broken),
    Kind.ACCOUNT_RECOVERED: _watchers(alerting.mended),
}
