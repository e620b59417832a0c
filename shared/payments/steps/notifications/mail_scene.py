"""The sender and the reader of a mail, and what every mail about an invoice shows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from payments.config import settings as deployment
from payments.doors.doors import Doors
from payments.doors.mail import Attachment, Mail
from payments.facts.account import Account
from payments.facts.attempt import Attempt
from payments.facts.customer import Customer
from payments.facts.invoice import Invoice
from payments.facts.link import PayLink
from payments.facts.notification import Notification
from payments.facts.payment import Allocation
from payments.facts.settings import Settings
from payments.steps.links.link_tokens import link_for, page_of
from payments.steps.notifications.mail_limits import first_reachable
from payments.wording import letters, locales
from payments.wording.invoice_pdf import Sheet
from payments.wording.letters import Letter, Look, Row
from payments.wording.sentences import say

_PRINTED = ("invoice", "order", "bill_to", "date", "item", "quantity", "amount", "total")

#: How many invoices a subject names.
NUMBERS_MAX = 4


class Nobody(Exception):
    """There is nobody to write to, or nothing left to write about; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class Scene:
    """An invoice, its customer and its merchant, as stored now."""

    invoice: Invoice
    customer: Customer
    settings: Settings
    look: Look
    #: Where one payment is for several invoices: each of them, and what of it is its.
    parts: tuple[tuple[Invoice, int], ...] = ()

    @property
    def invoices(self) -> list[Invoice]:
        """All invoices that are spoken of."""
        return [invoice for invoice, _ in self.parts] or [self.invoice]

    @property
    def outstanding(self) -> int:
        """What is left to pay of all of them."""
        return sum(invoice.outstanding for invoice in self.invoices)

    @property
    def number(self) -> str:
        """The invoice's number, or those of several; a subject has no room for many."""
        numbers = [invoice.number for invoice in self.invoices]
        shown = ", ".join(numbers[:NUMBERS_MAX])
        left = len(numbers) - NUMBERS_MAX
        return f"{shown} (+{left})" if left > 0 else shown

    @property
    def locale(self) -> str:
        """Return the locale of the buyer's sentences, dates and amounts."""
        return locales.known(self.customer.locale)

    def day(self, at: datetime, locale: str) -> str:
        """Write a day as the merchant counts them."""
        return locales.day_of(at, locale, self.settings.time_zone)

    def values(self, amount: int, locale: str) -> dict[str, str]:
        """Return the values that fill the sentences about an amount."""
        currency = self.invoice.currency
        return {
            "amount": locales.amount(amount, currency, locale),
            "left": locales.amount(self.outstanding, currency, locale),
            "number": self.number,
            "customer": self.customer.name,
            "seller": self.look.name,
        }

    def facts(self, amount: int, locale: str, name: str = "amount") -> list[tuple[str, str]]:
        """Return the lines that name the invoice, or each of several, and an amount."""
        if self.parts:
            return [*self._shares(locale), self._sum(amount, locale, name)]
        order = [(say("mail.label.order", locale), self.invoice.order_ref or "")]
        return [
            (say("mail.label.invoice", locale), self.invoice.number),
            *(order if self.invoice.order_ref else ()),
            self._sum(amount, locale, name),
        ]

    def _sum(self, amount: int, locale: str, name: str) -> tuple[str, str]:
        written = locales.amount(amount, self.invoice.currency, locale)
        return say(f"mail.label.{name}", locale), written

    def _shares(self, locale: str) -> list[tuple[str, str]]:
        label, currency = say("mail.label.invoice", locale), self.invoice.currency
        return [
            (f"{label} {invoice.number}", locales.amount(amount, currency, locale))
            for invoice, amount in self.parts
        ]

    def still(self, locale: str) -> list[tuple[str, str]]:
        """Return the lines that say what is left to pay, and until when."""
        invoice = self.invoice
        due = (
            [(say("mail.label.due", locale), locales.day(invoice.due, locale))]
            if invoice.due
            else []
        )
        left = locales.amount(invoice.outstanding, invoice.currency, locale)
        return [(say("mail.label.left", locale), left), *due]

    def tax(self, locale: str) -> list[tuple[str, str]]:
        """Return the line with the total's tax, if the invoice's lines state one."""
        included = sum(line.tax_amount or 0 for line in self.invoice.lines)
        written = locales.amount(included, self.invoice.currency, locale)
        return [(say("mail.label.tax", locale), written)] if included else []

    def rows(self, locale: str) -> tuple[Row, ...]:
        """Return the invoice's positions; those of several are in their own mails."""
        if self.parts:
            return ()
        currency = self.invoice.currency
        return tuple(
            Row(line.description, str(line.quantity), locales.amount(line.amount, currency, locale))
            for line in self.invoice.lines
        )

    def letter(
        self,
        name: str,
        locale: str,
        word: Callable[[str], str],
        facts: list[tuple[str, str]],
        *,
        body: str = "body",
        button: tuple[str, str] | None = None,
        message: str | None = None,
    ) -> Letter:
        """Return the letter whose sentences have this name in the catalogue."""
        seller = {"seller": self.look.name}
        notes = [say("mail.note.test", locale)] if self.invoice.mode == "test" else []
        if name.startswith("mail."):
            notes.append(say("mail.note.why", locale, **seller))
        return Letter(
            locale=locale,
            subject=word(f"{name}.subject"),
            title=word(f"{name}.title"),
            paragraphs=(word(f"{name}.{body}"),),
            facts=tuple(facts),
            rows=self.rows(locale),
            button=button,
            message=message,
            message_from=say("mail.note.message_from", locale, **seller),
            notes=tuple(notes),
        )

    def sheet(self) -> Sheet:
        """Return the invoice as it is printed."""
        locale, invoice = self.locale, self.invoice
        label = {name: say(f"mail.label.{name}", locale) for name in _PRINTED}
        paid = locales.amount(invoice.paid, invoice.currency, locale)
        sums = [
            (label["total"], locales.amount(invoice.total, invoice.currency, locale)),
            *self.tax(locale),
            *([(say("mail.label.paid", locale), paid)] if invoice.paid else []),
            *self.still(locale),
        ]
        return Sheet(
            look=self.look,
            title=f"{label['invoice']} {invoice.number}",
            facts=(
                (label["bill_to"], self.customer.name),
                (label["date"], self.day(invoice.created_at, locale)),
                *([(label["order"], invoice.order_ref)] if invoice.order_ref else []),
            ),
            heads=(label["item"], label["quantity"], label["amount"]),
            rows=self.rows(locale),
            sums=tuple(sums),
            instead=say("mail.label.unprintable", locale),
        )

    def link(self, attempt: Attempt, doors: Doors) -> PayLink | None:
        """Return a link by which the invoice can be paid, or None."""
        return link_for(attempt, self.invoice, doors)


def scene_of(notice: Notification, doors: Doors, *, erased: bool = False) -> Scene:
    """
    Return the invoice of a notice with its customer and merchant.

    Raise Nobody for an erased customer, unless `erased` allows one.
    """
    invoice, settings = doors.store.told_of(notice)
    customer, account = doors.store.parties(invoice)
    if customer.erased_at and not erased:
        raise Nobody("erased")
    name = settings.name or (account.name if account else notice.tenant)
    return Scene(invoice, customer, settings, Look(name, settings.colour or letters.COLOUR))


def spread(scene: Scene, parts: Iterable[Allocation], doors: Doors) -> Scene:
    """Return the scene with all invoices of which something is told, and how much of each."""
    amounts: dict[str, int] = {}
    for part in parts:
        amounts[part.invoice] = amounts.get(part.invoice, 0) + part.amount
    if set(amounts) <= {scene.invoice.id}:
        return scene
    invoices = doors.store.invoices(scene.invoice.tenant, *amounts)
    return replace(scene, parts=tuple(zip(invoices, amounts.values(), strict=True)))


def pay_page(notice: Notification, link: PayLink | None, doors: Doors) -> str:
    """Return the address of a link's page, or "" if this deployment's address is unknown."""
    base = deployment().public_url or notice.refs.get("base", "")
    return page_of(base, notice.tenant, link.id, doors) if link and base else ""


def to_buyer(
    scene: Scene,
    letter: Letter,
    *,
    address: str | None = None,
    files: tuple[Attachment, ...] = (),
) -> Mail:
    """Return the mail to the payer of the invoice, or to the address that was asked for."""
    to = address or scene.customer.email
    if not to:
        raise Nobody("no_address")
    return _mail(to, letter, scene.look, reply_to=scene.settings.seller_email, files=files)


def to_seller(scene: Scene, letter: Letter) -> Mail:
    """Return the mail to the merchant's own address."""
    if not scene.settings.seller_email:
        raise Nobody("no_address")
    return _mail(scene.settings.seller_email, letter, scene.look)


def to_merchant(scene: Scene, letter: Letter, doors: Doors) -> Mail:
    """Return an urgent mail to the merchant or to those who look after the account."""
    invoice, known = scene.invoice, [scene.settings.seller_email]
    if invoice.account:
        known += doors.store.account(invoice.tenant, invoice.account).error_emails
    address = first_reachable(known, invoice.tenant, doors)
    if not address:
        raise Nobody("no_address")
    return _mail(address, letter, scene.look)


def to_owner(customer: Customer, settings: Settings, letter: Letter, look: Look) -> Mail:
    """Return the mail to the owner of a saved card."""
    if not customer.email:
        raise Nobody("no_address")
    return _mail(customer.email, letter, look, reply_to=settings.seller_email)


def to_house(tenant: str, letter: Letter, address: str, doors: Doors) -> Mail:
    """Return a mail to the merchant that is about no invoice."""
    settings = doors.store.settings(tenant)
    look = Look(settings.name or tenant, settings.colour or letters.COLOUR)
    return _mail(address, letter, look)


def to_watcher(account: Account, place: int, letter: Letter, doors: Doors) -> Mail:
    """Return the mail to one of the addresses for an account's errors."""
    settings = doors.store.settings(account.tenant)
    look = Look(settings.name or account.name, settings.colour or letters.COLOUR)
    return _mail(account.error_emails[place], letter, look)


def _mail(
    to: str,
    letter: Letter,
    look: Look,
    *,
    reply_to: str | None = None,
    files: tuple[Attachment, ...] = (),
) -> Mail:
    return Mail(
        to=to,
        sender=look.name,
        subject=letter.subject,
        text=letters.as_text(letter, look),
        html=letters.as_html(letter, look),
        reply_to=reply_to,
        attachments=files,
    )
