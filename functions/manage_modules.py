"""/v1/payment-modules, /v1/profiles and /v1/settings: how a tenant is paid, and who does it."""

from pydantic import BaseModel

from payments.cases import administering
from payments.edge import api, modules, runtime, settings

app = api.new_app()
app.include_router(modules.router)
app.include_router(settings.router)
handler = api.lambda_handler(app)


class GrantOut(BaseModel):
    """Whether a profile may use a module."""

    profile: str
    module: str
    granted: bool


class ProfileOut(BaseModel):
    """A profile and the modules that it may use."""

    id: str
    modules: list[str]


@app.get("/v1/profiles/<profile_id>")
def get_profile(profile_id: api.PathName) -> ProfileOut:
    """List the modules that a profile may use."""
    grants = runtime.store().grants(api.caller(app).tenant, profile_id)
    return ProfileOut(
        id=profile_id, modules=[grant.module for grant in grants if not grant.removed_at]
    )


@app.put("/v1/profiles/<profile_id>/modules/<module_id>")
def grant_module(profile_id: api.PathName, module_id: api.PathName) -> GrantOut:
    """Allow a profile to use a module, from the next request on."""
    return _grant(profile_id, module_id, granted=True)


@app.delete("/v1/profiles/<profile_id>/modules/<module_id>")
def revoke_module(profile_id: api.PathName, module_id: api.PathName) -> GrantOut:
    """Allow it no longer, from the next request on."""
    return _grant(profile_id, module_id, granted=False)


def _grant(profile: str, module: str, *, granted: bool) -> GrantOut:
    grant = administering.set_grant(
        profile, module, granted=granted, caller=api.caller(app), doors=runtime.doors()
    )
    return GrantOut(profile=grant.profile, module=grant.module, granted=granted)
