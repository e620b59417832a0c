"""The mails that come in time: a card expires, a bank's deadline passes."""

from datetime import timedelta

from payments.doors.doors import Doors
from payments.doors.mail import Mail
from payments.facts.customer import SavedMethod
from payments.facts.notification import Notification
from payments.steps.notifications.mail_scene import Nobody, scene_of, spread, to_merchant, to_owner
from payments.wording import letters, locales
from payments.wording.letters import Letter, Look
from payments.wording.sentences import say
from payments.wording.staff import LOCALE as STAFF
from payments.wording.staff import reason, tell


def expiring(notice: Notification, doors: Doors) -> Mail:
    """
    Return the mail to a card's owner that the card expires, or raise Nobody.

    Nobody gets one if the card was renewed, or its owner may no longer pay by it.
    """
    customer = doors.store.customer(notice.tenant, notice.subject)
    if customer.erased_at:
        raise Nobody("erased")
    if not customer.online_payment_enabled:
        raise Nobody("customer_not_enabled")
    card = doors.store.card(notice.tenant, notice.subject, notice.refs["payment_method"])
    if not card or not card.is_active:
        raise Nobody("card_removed")
    if card.expiry != notice.refs["expiry"]:
        raise Nobody("card_renewed")
    settings = doors.store.settings(notice.tenant)
    name = settings.name or doors.store.account(notice.tenant, card.account).name
    letter = _about_card(card, locales.known(customer.locale), name)
    return to_owner(customer, settings, letter, Look(name, settings.colour or letters.COLOUR))


def _about_card(card: SavedMethod, locale: str, seller: str) -> Letter:
    last = card.expires_at - timedelta(days=1) if card.expires_at else None
    values = {
        "seller": seller,
        "card": f"{(card.brand or '').title()} •••• {card.last4 or ''}".strip(),
        "until": locales.day(last.date(), locale) if last else "",
    }
    test = (say("mail.note.test", locale),) if card.mode == "test" else ()
    return Letter(
        locale=locale,
        subject=say("mail.expiring.subject", locale, **values),
        title=say("mail.expiring.title", locale, **values),
        paragraphs=(say("mail.expiring.body", locale, **values),),
        notes=(*test, say("mail.note.why_card", locale, **values)),
    )


def deadline(notice: Notification, doors: Doors) -> Mail:
    """Return the mail that tells the merchant how many days are left to answer a dispute."""
    # The merchant loses the money, even where the customer was erased meanwhile.
    scene = scene_of(notice, doors, erased=True)
    dispute = doors.store.dispute(notice.tenant, notice.subject, notice.refs["dispute"])
    if not dispute or not dispute.due_by:
        raise Nobody("gone")
    if not dispute.is_answerable or dispute.submissions:
        raise Nobody("answered")
    payment = doors.store.payment(notice.tenant, notice.subject, dispute.charge)
    scene = spread(scene, payment.allocations if payment else (), doors)
    # A bank may give less time than a reminder has been made for.
    days = max(1, -((doors.now() - dispute.due_by) // timedelta(days=1)))
    until = scene.day(dispute.due_by, STAFF)
    values = scene.values(dispute.amount, STAFF) | {
        "days": f"{days} day{'s' if days != 1 else ''}",
        "until": until,
    }
    facts = [*scene.facts(dispute.amount, STAFF), reason(dispute.reason)]
    letter = scene.letter("deadline", STAFF, lambda name: tell(name, **values), facts)
    return to_merchant(scene, letter, doors)
