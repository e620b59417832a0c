"""POST /v1/invoices/{id}/pay-links: an address at which the customer pays."""

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel

from payments.cases import linking
from payments.edge import api, runtime

app = api.new_app()
handler = api.lambda_handler(app)


class CreatePayLink(api.Body):
    """
    `amount` fixes a part in minor units.

    Without it the link asks for what is left on the day.
    """

    module: api.Name | None = None
    amount: api.Amount | None = None
    message: api.LongText | None = None


class PayLinkOut(BaseModel):
    """The url is told here only, and to a repeat of the request."""

    id: str
    url: str
    status: str


@app.post("/v1/invoices/<invoice_id>/pay-links", status_code=201)
def create_pay_link(invoice_id: api.PathName, body: CreatePayLink) -> Response[PayLinkOut]:
    """Create a pay link; nothing is claimed at Stripe until the payer presses Pay."""
    caller, doors = api.caller(app), runtime.doors()
    request = linking.LinkRequest(body.module, body.amount, body.message)

    def create(link_id: str) -> PayLinkOut:
        link, token = linking.create_link(
            request, invoice_id, link_id=link_id, caller=caller, doors=doors
        )
        return PayLinkOut(id=link.id, url=f"{caller.base_url}/p/{token}", status=link.status)

    return api.answer_once(app, "lnk", 201, create)
