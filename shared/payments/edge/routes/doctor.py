"""The doctor's view: an account's health, and the permissions that a restricted key needs."""

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import BaseModel

from payments.cases.accounts import doctor
from payments.edge import api, runtime
from payments.facts.health import Health
from payments.steps.accounts.key_probes import NEEDED_FOR, fix_of

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


class HealthOut(Health):
    """
    The health of an account, with the `credentials` of each mode.

    The other members are those of `mode`: live, once it has live keys.
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
    """All permissions that a restricted key needs."""

    data: list[Permission]


@router.get("/v1/accounts/permissions")
def list_permissions() -> Permissions:
    """List the permissions that a restricted key needs, and what each is for."""
    return Permissions(
        data=[
            Permission(permission=name, needed_for=why, how=fix_of(name))
            for name, why in NEEDED_FOR.items()
        ]
    )


@router.get("/v1/accounts/<account_id>/health")
def get_health(account_id: api.PathName) -> HealthOut:
    """Ask Stripe about the health of an account; nothing is changed."""
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
