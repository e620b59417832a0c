"""Disputes and the evidence against them."""

from collections.abc import Mapping
from datetime import datetime

from payments.doors.stripe_api.transport import Id, Transport, Upload, window
from payments.facts.stripe_objects import StripeDispute

_EXPAND = ["payment_intent.latest_charge.balance_transaction"]


class Disputes(Transport):
    """Requests about disputes."""

    def dispute(self, dispute: str) -> StripeDispute:
        """Return the dispute as it is now, with its payment."""
        return self._read(StripeDispute, f"/v1/disputes/{dispute}", {"expand": _EXPAND})

    def disputes(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[list[StripeDispute], str | None]:
        """Return the disputes opened in the window, newest first, and the next cursor."""
        expand = [f"data.{path}" for path in _EXPAND]
        wanted = {"created": window(since, until), "expand": expand}
        return self._page(StripeDispute, "/v1/disputes", wanted, after)

    def answer_dispute(
        self, dispute: str, evidence: Mapping[str, str], *, submit: bool, key: str
    ) -> None:
        """Keep evidence with the dispute; `submit` sends it all to the bank, which works once."""
        params = {"evidence": evidence or None, "submit": submit}
        self._write(Id, f"/v1/disputes/{dispute}", params, key)

    def close_dispute(self, dispute: str, key: str) -> None:
        """Accept the dispute; this cannot be undone."""
        self._write(Id, f"/v1/disputes/{dispute}/close", {}, key)

    def create_file(self, name: str, content: bytes, key: str) -> str:
        """Upload a piece of evidence and return its id."""
        params = {"purpose": "dispute_evidence", "file": Upload(name, content)}
        options = {"base": "files", "content_type": "multipart/form-data"}
        return Id.model_validate(self._request("post", "/v1/files", params, key, **options)).id
