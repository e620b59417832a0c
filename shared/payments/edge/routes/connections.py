"""/v1/accounts, connected through Stripe: by onboarding, or by the consent of OAuth."""

from datetime import datetime
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import BaseModel, Field

from payments.cases.accounts import oauth, onboarding
from payments.edge import api, arriving, runtime
from payments.steps.accounts import connect_state

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

Mode = Literal["test", "live"]
#: Only a path: the host is the first of the tenant's own return_origins. Nothing in the path can
#: leave that host (`//`, a backslash) or end the line.
ReturnPath = Annotated[
    str, Field(max_length=200, pattern=r"^/([A-Za-z0-9._~-][A-Za-z0-9._~!$&'()*+,;=:@/%?-]*)?$")
]
Emails = Annotated[tuple[api.Email, ...], Field(max_length=10)]


class Onboard(api.Body):
    """The merchant whom Stripe onboards; Stripe asks for whatever is left out."""

    name: api.Text
    mode: Mode
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    email: api.Email | None = None
    return_path: ReturnPath | Literal[""] = ""
    error_emails: Emails = ()


class Onboarding(BaseModel):
    """The account, and the address where its merchant goes on; it opens once, and soon expires."""

    id: str
    url: str


class ContinueOnboarding(api.Body):
    """Without `mode` it is the account's main mode; another mode is begun."""

    mode: Mode | None = None
    return_path: ReturnPath | None = None


class Authorize(api.Body):
    """The name that the account will have here; its merchant already has it at Stripe."""

    name: api.Text
    mode: Mode
    return_path: ReturnPath | Literal[""] = ""
    error_emails: Emails = ()


class KeptAuthorization(BaseModel):
    """The stored part of an answer; the address, with its state, is made for each answer."""

    id: str


class Authorization(BaseModel):
    """
    The address where the merchant consents, and until when they can come back.

    Only the browser with the answer's cookie can come back: ask from the app's page, with
    credentials.
    """

    authorize_url: str
    expires_at: datetime


@router.post("/v1/accounts/onboarding-sessions", status_code=201)
def begin_onboarding(body: Onboard) -> Response[Onboarding]:
    """Have Stripe make an account for a merchant, and return the address where they go on."""
    caller, doors = api.caller(router), runtime.doors()
    request = onboarding.OnboardingRequest(**dict(body))

    def begin(account_id: str) -> Onboarding:
        url = onboarding.begin(request, account_id=account_id, caller=caller, doors=doors)
        return Onboarding(id=account_id, url=url)

    return api.answer_once(router, "acc", 201, begin)


@router.post("/v1/accounts/<account_id>/onboarding-link")
def continue_onboarding(account_id: api.PathName, body: ContinueOnboarding) -> Onboarding:
    """Return a fresh link to an onboarding that was left, or that Stripe needs more for."""
    url = onboarding.continue_(
        account_id,
        body.mode,
        return_path=body.return_path,
        caller=api.caller(router),
        doors=runtime.doors(),
    )
    return Onboarding(id=account_id, url=url)


@router.post("/v1/accounts/oauth-sessions", status_code=201)
def begin_authorization(body: Authorize) -> Response[Authorization]:
    """Return the address where a merchant with a Stripe account lets this platform use it."""
    caller, doors = api.caller(router), runtime.doors()
    request = oauth.OAuthRequest(**dict(body))

    sent = arriving.browser_of(router.current_event.raw_event)
    browser = connect_state.known_browser(sent, doors)

    def begin(account_id: str) -> KeptAuthorization:
        oauth.require_possible(request, caller=caller, doors=doors)
        return KeptAuthorization(id=account_id)

    def tell(kept: dict[str, Any]) -> dict[str, Any]:
        url, ends = oauth.begin(
            request, account_id=kept["id"], browser=browser, caller=caller, doors=doors
        )
        return Authorization(authorize_url=url, expires_at=ends).model_dump(mode="json")

    return api.answer_once(
        router,
        "acc",
        201,
        begin,
        moves_money=False,
        tell=tell,
        beside=arriving.known_by(browser),
    )
