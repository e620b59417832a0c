"""Tell the merchant about mails that bounced, and about limits that were reached."""

from collections.abc import Iterator
from contextlib import suppress

from payments.doors.doors import Doors
from payments.doors.mail import Mail
from payments.doors.store import Change
from payments.doors.table import RowChanged
from payments.errors import NotFound
from payments.facts.customer import Customer
from payments.facts.mailing import RETURNED_NOTICES_PER_DAY, Report
from payments.facts.notification import Kind, Notification, PartStatus
from payments.steps.notifications.mail_limits import Withheld, first_reachable
from payments.steps.notifications.mail_scene import Nobody, to_house
from payments.steps.notifications.outbox import of_tenant
from payments.wording.letters import Letter
from payments.wording.locales import minute_of
from payments.wording.staff import LOCALE, reason, tell


def tell_of_limit(withheld: Withheld, notice: Notification, doors: Doors) -> None:
    """Write a notice that a limit stops mails, once a day for each limit."""
    # The caller who presses Send too often has the refusal already.
    if withheld.status is not PartStatus.CAPPED or str(withheld) == "invoice_limit":
        return
    now, scope = doors.now(), str(withheld).removesuffix("_limit")
    if not getattr(doors.store.settings(notice.tenant).mail_limits, scope):
        # A merchant whose limit is 0 knows that no mail is sent.
        return
    key = f"{now:%Y-%m-%d}:{withheld}"
    row = of_tenant(Kind.MAIL_HELD, key, tenant=notice.tenant, at=now, scope=scope)
    with suppress(RowChanged):
        doors.store.write(row)


def news_of(report: Report, doors: Doors) -> Iterator[Change[Notification]]:
    """Yield the merchant's notice about an address that bounced, for the first few of a day."""
    now = doors.now()
    today = f"{now:%Y-%m-%d}"
    kind = f"{Kind.MAIL_RETURNED}:{today}:"
    sent = len(doors.store.notices(report.tenant, "SET", "own", kind))
    if sent < RETURNED_NOTICES_PER_DAY:
        yield of_tenant(
            Kind.MAIL_RETURNED,
            f"{today}:{sent + 1}",
            tenant=report.tenant,
            at=now,
            about=report.about,
            subject=report.subject,
            reader=report.reader,
            status=report.status,
            reason=report.reason,
        )


def customer_refused(
    customer: Customer, field: str, why: str, doors: Doors
) -> Change[Notification]:
    """Return what tells the merchant, once a day, that Stripe takes no payment of a customer."""
    now = doors.now()
    return of_tenant(
        Kind.MAIL_RETURNED,
        f"{now:%Y-%m-%d}:{customer.ref}:{field}",
        tenant=customer.tenant,
        at=now,
        about="CUS",
        subject=customer.ref,
        reader="buyer",
        status=f"{field}_refused",
        reason=why,
    )


def not_taken(notice: Notification, reader: str, why: str, doors: Doors) -> None:
    """Have the merchant told that SES does not even take a mail to a buyer."""
    if reader != "buyer":
        return
    report = Report(
        tenant=notice.tenant,
        about=notice.about,
        subject=notice.subject,
        notice=notice.id,
        reader=reader,
        status="bounced",
        reason=why,
        final=True,
        at=doors.now(),
    )
    with suppress(RowChanged):
        doors.store.write(*news_of(report, doors))


def mail_returned(notice: Notification, doors: Doors) -> Mail:
    """Return the mail that says which mail came back, and what to do about it."""
    refs = notice.refs
    whom, facts = _whom(notice.tenant, refs, doors)
    letter = _letter(
        f"mail_{refs['status']}",
        facts=(*facts, reason(refs["reason"])),
        whom=whom,
    )
    return to_house(notice.tenant, letter, _address(notice, doors), doors)


def mail_held(notice: Notification, doors: Doors) -> Mail:
    """Return the mail that says which limit is reached."""
    scope = notice.refs["scope"]
    settings = doors.store.settings(notice.tenant)
    letter = _letter(
        f"mail_held_{scope}",
        limit=str(getattr(settings.mail_limits, scope)),
        until=minute_of(notice.created_at, settings.time_zone),
    )
    return to_house(notice.tenant, letter, _address(notice, doors), doors)


def _letter(name: str, facts: tuple[tuple[str, str], ...] = (), **values: str) -> Letter:
    return Letter(
        locale=LOCALE,
        subject=tell(f"{name}.subject", **values),
        title=tell(f"{name}.title", **values),
        paragraphs=(tell(f"{name}.body", **values), tell(f"{name}.next", **values)),
        facts=facts,
    )


def _whom(
    tenant: str, refs: dict[str, str], doors: Doors
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the reader of the mail that came back, and the lines that say what it was about."""
    if refs["reader"] != "buyer":
        return "your own address", ()
    facts: list[tuple[str, str]] = []
    ref = refs["subject"]
    if refs["about"] == "INV":
        invoice = doors.store.invoice(tenant, ref)
        facts, ref = [("Invoice", invoice.number)], invoice.customer
    customer = doors.store.customer(tenant, ref)
    if customer.erased_at:
        raise Nobody("erased")
    return customer.name, (*facts, ("Customer", f"{customer.name} ({customer.ref})"))


def _address(notice: Notification, doors: Doors) -> str:
    """Return the first of the merchant's addresses that takes mails, or raise Nobody."""
    known = [doors.store.settings(notice.tenant).seller_email, *_watchers_of(notice, doors)]
    if address := first_reachable(known, notice.tenant, doors):
        return address
    raise Nobody("no_address")


def _watchers_of(notice: Notification, doors: Doors) -> tuple[str, ...]:
    about, name = notice.refs.get("about"), notice.refs.get("subject", "")
    try:
        if about == "INV":
            name = doors.store.invoice(notice.tenant, name).account or ""
        return tuple(doors.store.account(notice.tenant, name).error_emails)
    except NotFound:
        return ()
