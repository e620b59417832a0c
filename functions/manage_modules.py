"""/v1/payment-modules, /v1/profiles and /v1/settings: how a tenant is paid, and who may ask."""

from typing import Annotated

from pydantic import BaseModel, Field

from payments.cases.modules import grants
from payments.edge import api, runtime
from payments.edge.routes import currencies, modules, settings
from payments.facts.module import Grant, Permission

app = api.new_app()
app.include_router(modules.router)
app.include_router(settings.router)
app.include_router(currencies.router)
handler = api.lambda_handler(app)


class SetGrant(api.Body):
    """
    What the profile may do with the module; it replaces the grant before.

    Without `permissions` it is all that selling takes: everything but `account.manage`.
    """

    permissions: Annotated[tuple[Permission, ...] | None, Field(min_length=1, max_length=8)] = None


class GrantOut(BaseModel):
    """What a profile may do with a module; the list is empty without a grant."""

    profile: str
    module: str
    granted: bool
    permissions: list[str]


class ProfileOut(BaseModel):
    """A profile, its modules, and what it may do with each of them."""

    id: str
    modules: list[str]
    grants: list[GrantOut]


@app.get("/v1/profiles/<profile_id>")
def get_profile(profile_id: api.PathName) -> ProfileOut:
    """List the modules that a profile may use, and what it may do with each."""
    granted = runtime.store().grants(api.caller(app).tenant, profile_id)
    shown = [_show(grant) for grant in granted if not grant.removed_at]
    return ProfileOut(id=profile_id, modules=[grant.module for grant in shown], grants=shown)


@app.put("/v1/profiles/<profile_id>/modules/<module_id>")
def grant_module(
    profile_id: api.PathName, module_id: api.PathName, body: SetGrant | None = None
) -> GrantOut:
    """Grant a module to a profile, from the next request on."""
    allowed = body.permissions if body else None
    return _show(
        grants.set_grant(
            profile_id, module_id, allowed, caller=api.caller(app), doors=runtime.doors()
        )
    )


@app.delete("/v1/profiles/<profile_id>/modules/<module_id>")
def revoke_module(profile_id: api.PathName, module_id: api.PathName) -> GrantOut:
    """Remove a profile's grant of a module, from the next request on."""
    caller, doors = api.caller(app), runtime.doors()
    return _show(grants.remove_grant(profile_id, module_id, caller=caller, doors=doors))


def _show(grant: Grant) -> GrantOut:
    stands = not grant.removed_at
    return GrantOut(
        profile=grant.profile,
        module=grant.module,
        granted=stands,
        permissions=list(grant.permissions) if stands else [],
    )
