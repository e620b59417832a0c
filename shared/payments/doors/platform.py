"""The door to the platform's own Stripe account: it makes, links and disconnects accounts."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, NoReturn

from payments.doors.gateway import Gateway
from payments.doors.stripe_api.refusals import ACCESS_LOST
from payments.doors.stripe_api.transport import Connections, SdkError
from payments.errors import (
    StripeAccountError,
    StripePermissionMissing,
    StripeRequestRefused,
)
from payments.facts.connection import Connection
from payments.facts.event import APPLIED
from payments.facts.stripe_accounts import (
    AccountLink,
    ConnectedStripeAccount,
    Named,
    OAuthToken,
)

#: The event types that the platform's endpoint gets, for all connected accounts.
CONNECT_EVENTS = tuple(APPLIED)
CONSENT = "https://connect.stripe.com"
#: Payments are the merchant's own. Stripe asks them for what it has to know, takes its fees from
#: them, and gives them its full Dashboard.
_CONTROLLER = {
    "fees": {"payer": "account"},
    "losses": {"payments": "stripe"},
    "requirement_collection": "stripe",
    "stripe_dashboard": {"type": "full"},
}
_RESPONSIBILITIES = {"fees_collector": "stripe", "losses_collector": "stripe"}


class Platform(Gateway):
    """The platform's Stripe account, whose keys the deployment's owner has stored."""

    def __init__(self, keys: Mapping[str, str], *, api_base: str, http_client: Connections) -> None:
        """Keep the client id beside the key; without one there is no OAuth."""
        super().__init__(keys["secret_key"], api_base=api_base, http_client=http_client)
        self.client_id = keys.get("client_id")
        self.consent_base = api_base or CONSENT

    def create_account(self, connection: Connection, name: str) -> str:
        """Make a merchant's account by the accounts v2 API, and return its id."""
        params = {
            "contact_email": connection.email,
            "display_name": name,
            "dashboard": "full",
            "identity": {"country": connection.country} if connection.country else None,
            "configuration": {"merchant": {"capabilities": {"card_payments": {"requested": True}}}},
            "defaults": {"responsibilities": _RESPONSIBILITIES},
            "metadata": _owner(connection),
        }
        key = connection.stripe_key("account")
        return self._write(Named, "/v2/core/accounts", params, key).id

    def create_account_v1(self, connection: Connection, name: str) -> str:
        """Make a merchant's account by the v1 API, where v2 is refused, and return its id."""
        country = connection.country
        params = {
            "email": connection.email,
            "country": country.upper() if country else None,
            "business_profile": {"name": name},
            "controller": _CONTROLLER,
            "capabilities": {
                "card_payments": {"requested": True},
                "transfers": {"requested": True},
            },
            "metadata": _owner(connection),
        }
        return self._write(Named, "/v1/accounts", params, connection.stripe_key("account-v1")).id

    def find_account(self, connection: Connection) -> str | None:
        """Return the id of the account that was made for a connection, or None."""
        owner = _owner(connection).items()
        made = self._accounts_since(connection.created_at)
        return next((each.id for each in made if owner <= each.metadata.items()), None)

    def account(self, stripe_account: str) -> ConnectedStripeAccount:
        """
        Return what Stripe asks of an account, and what the account may do.

        Raise StripeAccountError.
        """
        return self._read(ConnectedStripeAccount, f"/v1/accounts/{stripe_account}", {})

    def create_link(self, connection: Connection, return_url: str, refresh_url: str) -> str:
        """
        Return the address of Stripe's onboarding of an account; it opens once, and soon expires.

        An account that was found again may be a v1 account, which v2 refuses.
        """
        urls = {"return_url": return_url, "refresh_url": refresh_url}
        kind = {"account": connection.stripe_account}
        if connection.api == "v2":
            use_case = {"type": "account_onboarding", "account_onboarding": urls}
            with suppress(StripeRequestRefused, StripePermissionMissing):
                return self._address("/v2/core/account_links", {**kind, "use_case": use_case})
        return self._address("/v1/account_links", {**kind, "type": "account_onboarding", **urls})

    def _address(self, path: str, params: Mapping[str, Any]) -> str:
        return AccountLink.model_validate(self._request("post", path, params)).url

    def exchange(self, code: str) -> OAuthToken:
        """
        Exchange a code for the account of the merchant who consented.

        It is sent once: Stripe takes a code that comes twice for stolen, and revokes the grant.
        """
        params = {"grant_type": "authorization_code", "code": code}
        answer = self._request(
            "post", "/oauth/token", params, base="connect", max_network_retries=0
        )
        return OAuthToken.model_validate(answer)

    def deauthorize(self, stripe_account: str) -> None:
        """Revoke a merchant's OAuth grant."""
        params = {"client_id": self.client_id, "stripe_user_id": stripe_account}
        self._request("post", "/oauth/deauthorize", params, base="connect")

    def _refuse(self, method: str, error: SdkError) -> NoReturn:
        """Raise a refusal that names the platform's key: the merchant can do nothing about it."""
        try:
            super()._refuse(method, error)
        except StripeAccountError as refusal:
            if refusal.members.get("stripe_code") == ACCESS_LOST:
                raise
            detail = "Stripe refuses the platform's own key: its owner has to store a new one."
            raise StripeAccountError(detail, **refusal.members) from None

    def _accounts_since(self, since: datetime) -> Iterator[ConnectedStripeAccount]:
        after: str | None = ""
        while after is not None:
            wanted = {"created": {"gte": int(since.timestamp())}}
            found, after = self._page(ConnectedStripeAccount, "/v1/accounts", wanted, after or None)
            yield from found


def _owner(connection: Connection) -> dict[str, str]:
    return {"tenant": connection.tenant, "account": connection.account}
