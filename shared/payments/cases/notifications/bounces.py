"""Mails that come back: keep SES's reports, stop mails to the address, or allow them again."""

from payments.doors.doors import Doors
from payments.doors.keys import stamp
from payments.doors.store import Change, change
from payments.errors import NotFound, PermissionDenied
from payments.facts.caller import Caller
from payments.facts.mailing import Feedback, Report, Suppression
from payments.facts.notification import About, Notification
from payments.steps.notifications.mail_limits import known_as
from payments.steps.notifications.mail_problems import news_of
from payments.steps.retry import retrying


def record_report(said: Feedback, doors: Doors) -> str:
    """
    Keep SES's report on a mail, and suppress an address that is dead or complains.

    A report is one row, so a repeat changes nothing. It may come before the sender has noted that
    the mail was sent: neither writes the other's row.
    """
    report = said.report
    notice = doors.store.notification(report.tenant, report.about, report.subject, report.notice)
    if not notice or not _is_of(notice, said):
        return "unknown"

    def step() -> str:
        kept = doors.store.reports(report.tenant, report.about, report.subject)
        if any(each.says_what(report) for each in kept):
            return "known"
        doors.store.write(change(report), *_followed(said, doors))
        return report.status

    return retrying(step, doors, "The address kept changing; the report is not kept yet.")


def _is_of(notice: Notification, said: Feedback) -> bool:
    """Whether the report is about a message of that notice, as far as the sender has noted it."""
    part = notice.parts.get(said.report.reader)
    return part is not None and part.message in {None, said.message}


def _followed(said: Feedback, doors: Doors) -> list[Change[Suppression] | Change[Notification]]:
    """
    Return the suppression and the merchant's notice that follow, as far as they are new.

    Nothing follows from a report that is not final.
    """
    report = said.report
    digest = known_as(said.address, report.tenant, doors)
    known = doors.store.suppression(report.tenant, digest)
    if not report.final or (known and known.covers(said.sent_at) and not _is_worse(report, known)):
        return []
    stopped = Suppression(
        tenant=report.tenant, digest=digest, reason=report.status, since=doors.now()
    )
    news = [] if known and known.is_active else news_of(report, doors)
    return [change(stopped, known), *news]


def _is_worse(report: Report, known: Suppression) -> bool:
    """Whether a complaint comes from an address that was only thought dead."""
    return known.is_active and report.status == "complained" != known.reason


def lift(address: str, *, caller: Caller, doors: Doors) -> Suppression:
    """Allow mails to an address again, and return what was lifted; a complaint needs an admin."""
    digest = known_as(address, caller.tenant, doors)

    def step() -> Suppression:
        known = doors.store.suppression(caller.tenant, digest)
        if not known:
            raise NotFound("Mails to this address are not held back.")
        if known.reason == "complained" and not caller.is_admin:
            raise PermissionDenied("Whoever marked a mail as spam is written to again by an admin.")
        return doors.store.save(known.lift(doors.now()), known) if known.is_active else known

    return retrying(step, doors, "The address kept changing; it is as it was.")


def messages_about(
    about: About, name: str, tenant: str, doors: Doors
) -> tuple[list[Notification], list[Report]]:
    """Return the notices about a subject, newest first, and SES's reports, or raise NotFound."""
    find = {"INV": doors.store.invoice, "CUS": doors.store.customer, "ACC": doors.store.account}
    find[about](tenant, name)
    notices = doors.store.notices(tenant, about, name)
    notices.sort(key=place_of, reverse=True)
    return notices, doors.store.reports(tenant, about, name)


def place_of(notice: Notification) -> str:
    """Return the sort key of a notice: its time and, within one second, its id."""
    return f"{stamp(notice.created_at)}#{notice.id}"
