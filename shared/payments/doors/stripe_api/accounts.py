"""The Stripe account itself: its id, its key's permissions, and its clock."""

from datetime import datetime
from email.utils import parsedate_to_datetime

from payments.doors.stripe_api.transport import Transport
from payments.errors import StripePermissionMissing, StripeRequestRefused
from payments.facts.stripe_accounts import ConnectedStripeAccount


class Accounts(Transport):
    """What a key tells about its own account."""

    def account_id(self) -> str | None:
        """Return `acct_...`, or None if a restricted key may not know it."""
        found = self.own_account()
        return found.id if found else None

    def own_account(self) -> ConnectedStripeAccount | None:
        """Return the key's account, or None if a restricted key may not know it."""
        try:
            return self._read(ConnectedStripeAccount, "/v1/account", {})
        except StripePermissionMissing:
            return None

    def clock(self) -> datetime | None:
        """Return Stripe's time, to the second."""
        told = self._respond("get", "/v1/webhook_endpoints", {"limit": 1}).headers.get("date")
        return parsedate_to_datetime(told) if told else None

    def is_permitted(self, method: str, path: str) -> bool:
        """
        Whether the key may make this request; nothing is done.

        Stripe checks the permission before the parameters. A write without parameters, or of an
        object that cannot exist, is answered with 403 only if the permission is missing.
        """
        params = {"limit": 1} if method == "get" else {}
        try:
            self._request(method, path, params)
        except StripePermissionMissing:
            return False
        except StripeRequestRefused:
            return True
        return True
