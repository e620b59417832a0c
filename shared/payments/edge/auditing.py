"""
Write the audit trail at the edge: the acts in `roles.AUDITED`, and refusals of permission.

An act's intent is recorded before anything happens, and its outcome afterwards, so that a crash in
between leaves a trace. An act that cannot be recorded is not done.
"""

import ipaddress
import json
import re
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger

from payments.edge import addresses, runtime, screening
from payments.edge.roles import AUDITED
from payments.errors import PaymentsError
from payments.facts.audit import AuditRecord, Phase
from payments.facts.caller import Caller
from payments.steps import audit_trail

logger = Logger(child=True)

REFUSALS = frozenset({"permission_denied", "unauthenticated"})
#: The network of the caller's address is kept for good. The access log has the whole address, by
#: the request's id, for as long as logs are kept.
_PREFIX = {4: 24, 6: 48}
_NAME = re.compile(r"[A-Za-z0-9._:@+-]{1,64}")
#: A caller may have pasted a key where an id belongs; `SK_1001` may be a customer in Slovakia.
_SECRET = re.compile(r"(?:(?:sk|rk|pk)_(?:test|live|org)|whsec)_", re.IGNORECASE)


@dataclass(slots=True)
class Trail:
    """Writes one request into the trail; `caller` is set once the token has been read."""

    event: dict[str, Any]
    caller: Caller | None = None
    intended: bool = False

    def begin(self) -> None:
        """
        Record the intent of an act that has to be audited.

        If that raises, the act is not done.
        """
        if self.event["routeKey"] in AUDITED:
            self._append(Phase.INTENT)
            self.intended = True

    def end(self, result: dict[str, Any]) -> None:
        """
        Record the outcome.

        If that fails, the act is answered all the same, for its intent is recorded.
        """
        phase = Phase.OUTCOME if self.intended else Phase.REFUSAL
        body = _document(result) if self.intended or result["statusCode"] in {401, 403} else {}
        code = body.get("code") if result["statusCode"] >= 400 else None  # noqa: PLR2004
        if not self.caller or not (self.intended or code in REFUSALS):
            return
        made = body.get("id") if result["statusCode"] == 201 else None  # noqa: PLR2004
        try:
            self._append(phase, made, status=result["statusCode"], code=code)
        except PaymentsError as refusal:
            logger.error("not_audited", phase=phase, code=refusal.code)  # noqa: TRY400 - no traceback

    def _append(self, phase: Phase, made: str | None = None, **outcome: Any) -> None:
        who, context = self.caller, self.event["requestContext"]
        if not who:
            msg = "Bug! Nobody acts before it is known who."
            raise RuntimeError(msg)
        named = [*(self.event.get("pathParameters") or {}).values(), *([made] if made else [])]
        doors = runtime.doors()
        record = AuditRecord(
            id=doors.new_id("aud"),
            tenant=who.tenant,
            at=doors.now(),
            phase=phase,
            request=context["requestId"],
            actor=who.subject,
            machine=_is_machine(self.event),
            role=who.role or "unknown",
            profile=_shown(who.profile) if who.profile else "",
            route=self.event["routeKey"],
            objects=tuple(dict.fromkeys(_shown(name) for name in named)),
            network=_network(addresses.client(self.event)),
            **outcome,
        )
        write = audit_trail.refuse if phase is Phase.REFUSAL else audit_trail.append
        if placed := write(record, doors):
            # The log is a second place for each digest, which none of our roles can rewrite.
            logger.info("audited", chain=placed.chain, number=placed.number, digest=placed.digest)


def _document(result: dict[str, Any]) -> dict[str, Any]:
    try:
        found = json.loads(result.get("body") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_machine(event: dict[str, Any]) -> bool:
    """Whether the token belongs to a client itself: its subject is the client."""
    claims = event["requestContext"].get("authorizer", {}).get("jwt", {}).get("claims", {})
    client = claims.get("client_id")
    return bool(client) and claims.get("sub", client) == client


def _shown(name: object) -> str:
    """Return what may be an id of ours or of the caller's, or an empty string."""
    text = str(name)
    if not _NAME.fullmatch(text) or _SECRET.match(text) or screening.has_pan(text):
        return "unreadable"
    return text


def _network(address: str) -> str | None:
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return None
    return str(ipaddress.ip_network(f"{address}/{_PREFIX[version]}", strict=False))
