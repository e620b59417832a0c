"""The account itself: whose it is, what its key may do, and what time it is there."""

from datetime import datetime
from email.utils import parsedate_to_datetime

from payments.doors.stripe_api.transport import Transport
from payments.errors import StripePermissionMissing, StripeRequestRefused
from payments.facts.stripe_accounts import ConnectedStripeAccount


class Accounts(Transport):
    """What can be learnt by asking with a key."""

    def account_id(self) -> str | None:
        """Return `acct_...`, or None where a restricted key may not know it."""
        found = self.own_account()
        return found.id if found else None

    def own_account(self) -> ConnectedStripeAccount | None:
        """Return the account that the key is of, or None where a restricted key may not know it."""
        try:
            return self._read(ConnectedStripeAccount, "/v1/account", {})
        except StripePermissionMissing:
            return None

    def clock(self) -> datetime | None:
        """Return what time it is at Stripe, to the second."""
        told = self._respond("get", "/v1/webhook_endpoints", {"limit": 1}).headers.get("date")
        return parsedate_to_datetime(told) if told else None

    def is_permitted(self, method: str, path: str) -> bool:
        """
        Say whether the key may make this request, without doing anything.

        Stripe looks at the permission before the parameters, so a write without any, or of an
        object that cannot exist, is refused as 403 or as something else.
        """
        params = {"limit": 1} if method == "get" else {}
        try:
            self._request(method, path, params)
        except StripePermissionMissing:
            return False
        except StripeRequestRefused:
            return True
        return True
