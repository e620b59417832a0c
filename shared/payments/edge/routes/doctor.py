"""What the doctor sees: an account's health, and what a restricted key has to be allowed."""

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import BaseModel

from payments.cases.accounts import doctor
from payments.edge import api, runtime
from payments.facts.health import Health
from payments.steps.accounts.key_probes import NEEDED_FOR, fix_of

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


class HealthOut(Health):
    """
    How an account is, with `credentials` of each mode.

    Beside its name stands how it is in `mode`: live, once it has live keys.
    """

    id: str
    name: str
    healthy: bool
    last_event_at: str | None
    credentials: dict[str, Health]


class Permission(BaseModel):
    """One permission of a restricted key."""

    permission: str
    needed_for: str
    how: str


class Permissions(BaseModel):
    """All that a restricted key needs."""

    data: list[Permission]


@router.get("/v1/accounts/permissions")
def list_permissions() -> Permissions:
    """List what a restricted key has to be allowed, and what for."""
    return Permissions(
        data=[
            Permission(permission=name, needed_for=why, how=fix_of(name))
            for name, why in NEEDED_FOR.items()
        ]
    )


@router.get("/v1/accounts/<account_id>/health")
def get_health(account_id: api.PathName) -> HealthOut:
    """Ask Stripe how the account is; nothing is changed by it."""
    account, found = doctor.health(account_id, caller=api.caller(router), doors=runtime.doors())
    main = found[account.main_mode]
    last = main.last_event
    return HealthOut(
        **dict(main),
        id=account.id,
        name=account.name,
        healthy=not any(seen.problems for seen in found.values()),
        last_event_at=last.at.isoformat() if last else None,
        credentials=found,
    )
