"""Pay links: addresses at which a customer pays."""

from datetime import datetime
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, Field

from payments.cases.links import pay_links
from payments.edge import api, runtime
from payments.facts.link import PayLink, Rule
from payments.steps.links import link_tokens

app = api.new_app()
handler = api.lambda_handler(app)


class Send(api.Body):
    """The address to which the invoice and its link are mailed; by default the customer's."""

    email: api.Email | None = None


class CreatePayLink(api.Body):
    """
    `rule` says what is paid: all that is left, a fixed `amount`, or what the payer chooses.

    Without it, `amount` decides. A payer who chooses is offered `amount`, or all that is left, and
    pays `least` or more. `replace` withdraws the invoice's older links.
    """

    module: api.Name | None = None
    rule: Rule | None = None
    amount: api.Amount | None = None
    least: api.Amount | None = None
    message: api.LongText | None = None
    expires_at: api.Time | None = None
    replace: Annotated[bool, Field(strict=True)] = False
    send: Send | None = None


class KeptLink(BaseModel):
    """The stored part of an answer."""

    id: str
    status: str
    invoice: str
    rule: str
    amount: int | None
    least: int | None
    message: str | None
    expires_at: datetime | None
    created_at: datetime


class PayLinkOut(KeptLink):
    """`url` is where the customer pays; it is made for each answer and never stored."""

    url: str


class PayLinkPage(BaseModel):
    """The links of an invoice, newest first."""

    data: list[PayLinkOut]
    next_cursor: None = None


@app.post("/v1/invoices/<invoice_id>/pay-links", status_code=201)
def create_pay_link(invoice_id: api.PathName, body: CreatePayLink) -> Response[PayLinkOut]:
    """Create a pay link; Stripe is not asked before the payer presses Pay."""
    caller, doors = api.caller(app), runtime.doors()
    asked = body.model_dump(exclude={"send"})
    send = pay_links.Sending(body.send.email, caller.base_url) if body.send else None
    request = pay_links.LinkRequest(**asked, send=send)

    def create(link_id: str) -> KeptLink:
        link = pay_links.create_link(
            request, invoice_id, link_id=link_id, caller=caller, doors=doors
        )
        return KeptLink(**link.model_dump(include=set(KeptLink.model_fields)))

    def tell(kept: dict[str, Any]) -> dict[str, Any]:
        return kept | {"url": _address(kept["id"])}

    return api.answer_once(app, "lnk", 201, create, tell=tell)


@app.get("/v1/invoices/<invoice_id>/pay-links")
def list_pay_links(invoice_id: api.PathName) -> Response[PayLinkPage]:
    """List an invoice's pay links with their addresses, so that they can be sent again."""
    found = pay_links.links_of(invoice_id, caller=api.caller(app), doors=runtime.doors())
    return api.answer(200, PayLinkPage(data=[_show(link) for link in found]))


@app.post("/v1/pay-links/<link_id>/send", status_code=202)
def send_pay_link(link_id: api.PathName, body: Send) -> Response[PayLinkOut]:
    """Mail the invoice, also as a PDF, with the link to pay it."""
    caller, doors = api.caller(app), runtime.doors()
    sending = pay_links.Sending(body.email, caller.base_url)

    def send(ident: str) -> KeptLink:
        link = pay_links.send_link(link_id, ident, sending, caller=caller, doors=doors)
        return KeptLink(**link.model_dump(include=set(KeptLink.model_fields)))

    def tell(kept: dict[str, Any]) -> dict[str, Any]:
        return kept | {"url": _address(kept["id"])}

    return api.answer_once(app, "snd", 202, send, tell=tell)


@app.post("/v1/pay-links/<link_id>/revoke")
def revoke_pay_link(link_id: api.PathName) -> Response[PayLinkOut]:
    """Withdraw a pay link: its page says so, and an open page at Stripe is closed."""
    caller, doors = api.caller(app), runtime.doors()
    return api.answer(200, _show(pay_links.revoke_link(link_id, caller=caller, doors=doors)))


def _show(link: PayLink) -> PayLinkOut:
    shown = link.model_dump(include=set(PayLinkOut.model_fields))
    return PayLinkOut(**shown, url=_address(link.id))


def _address(link_id: str) -> str:
    caller = api.caller(app)
    return link_tokens.page_of(caller.base_url, caller.tenant, link_id, runtime.doors())
