"""/v1/notifications: what became of each mail, and addresses that get none."""

from datetime import datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import BaseModel

from payments.cases.notifications import bounces
from payments.edge import api, runtime
from payments.errors import ValidationFailed
from payments.facts.mailing import Report, Trouble
from payments.facts.notification import About, Notification

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

Ref = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9._:@+-]{1,64}$")]


class MailOut(BaseModel):
    """
    One message: `reader` is buyer, seller, watcher_1 (of an account), or bus (its events).

    `status` is sending, sent, unsure (perhaps sent, and not sent again), bounced, complained or
    failed. Or it is suppressed (the address gets no mails), capped (too many) or skipped (nobody to
    tell).
    """

    reader: str
    status: str
    reason: str | None
    at: datetime


class NotificationOut(BaseModel):
    """A fact that readers are told of; it has no messages yet if it has just happened."""

    id: str
    kind: str
    created_at: datetime
    messages: list[MailOut]


class NotificationList(BaseModel):
    """All notices about one invoice, customer or account, newest first."""

    data: list[NotificationOut]
    next_cursor: str | None


class Lift(api.Body):
    """The address that may get mails again."""

    email: api.Email


class LiftedOut(BaseModel):
    """Why the address got no mails, since when, and since when it may get them again."""

    reason: Trouble
    since: datetime
    lifted_at: datetime | None


@router.get("/v1/notifications")
def list_notifications(
    invoice: Ref = None,
    customer: Ref = None,
    account: Ref = None,
    limit: api.Limit = 20,
    cursor: api.LongCursor = None,
) -> NotificationList:
    """List the notices about an invoice, a customer or an account; name one of these."""
    named: dict[About, str | None] = {"INV": invoice, "CUS": customer, "ACC": account}
    given = [(about, name) for about, name in named.items() if name]
    if len(given) != 1:
        raise ValidationFailed("Name one of invoice, customer and account.")
    (about, name) = given[0]
    tenant, doors = api.caller(router).tenant, runtime.doors()
    notices, reports = bounces.messages_about(about, name, tenant, doors)
    older = [each for each in notices if not cursor or bounces.place_of(each) < cursor]
    page = older[:limit]
    following = bounces.place_of(page[-1]) if len(older) > limit else None
    return NotificationList(data=[_show(notice, reports) for notice in page], next_cursor=following)


@router.post("/v1/notifications/lift-suppression")
def lift_suppression(body: Lift) -> LiftedOut:
    """Allow mails to an address again after a bounce or, for an admin, a complaint."""
    lifted = bounces.lift(body.email, caller=api.caller(router), doors=runtime.doors())
    return LiftedOut.model_validate(lifted.model_dump())


def _show(notice: Notification, reports: list[Report]) -> NotificationOut:
    said = {each.reader: each for each in reports if each.notice == notice.id}
    known = {reader: said.get(reader, part) for reader, part in notice.parts.items()}
    messages = [
        MailOut(reader=reader, status=last.status, reason=last.reason, at=last.at)
        for reader, last in known.items()
    ]
    return NotificationOut(
        id=notice.id, kind=notice.kind, created_at=notice.created_at, messages=messages
    )
