"""/v1/payment-modules, /v1/profiles and /v1/settings: how a tenant is paid, and who does it."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel

from payments.cases import administering
from payments.edge import api, runtime, settings
from payments.facts.module import Features, ModuleState, PaymentModule

app = api.new_app()
app.include_router(settings.router)
handler = api.lambda_handler(app)


class CreateModule(api.Body):
    """A module belongs to one account for life, and is Off until it is switched."""

    name: api.Text
    account: api.Name
    features: Features = Features()


class SwitchModule(api.Body):
    """`sandbox` needs an account with test keys, `on` one with live keys."""

    state: ModuleState


class ModuleOut(BaseModel):
    """A payment module."""

    id: str
    name: str
    account: str
    state: ModuleState
    features: Features
    created_at: str


class ModulePage(BaseModel):
    """A page of payment modules."""

    data: list[ModuleOut]
    next_cursor: str | None


class GrantOut(BaseModel):
    """Whether a profile may use a module."""

    profile: str
    module: str
    granted: bool


class ProfileOut(BaseModel):
    """A profile and the modules that it may use."""

    id: str
    modules: list[str]


def show(module: PaymentModule) -> ModuleOut:
    """Return what a caller may see."""
    return ModuleOut.model_validate(module.model_dump(mode="json"))


@app.post("/v1/payment-modules", status_code=201)
def create_module(body: CreateModule) -> Response[ModuleOut]:
    """Create a payment module; it is Off."""
    caller, doors = api.caller(app), runtime.doors()

    def create(module_id: str) -> ModuleOut:
        made = administering.create_module(
            body.name, body.account, body.features, module_id=module_id, caller=caller, doors=doors
        )
        return show(made)

    return api.answer_once(app, "mod", 201, create, moves_money=False)


@app.get("/v1/payment-modules")
def list_modules(
    limit: Annotated[int, Query(ge=1, le=api.PAGE_MAX)] = 20,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
) -> ModulePage:
    """Newest first."""
    modules, following = runtime.store().page(
        PaymentModule, api.caller(app).tenant, limit=limit, cursor=cursor
    )
    return ModulePage(data=[show(module) for module in modules], next_cursor=following)


@app.get("/v1/payment-modules/<module_id>")
def get_module(module_id: api.PathName) -> ModuleOut:
    """One payment module."""
    return show(runtime.store().module(api.caller(app).tenant, module_id))


@app.post("/v1/payment-modules/<module_id>/state")
def switch_module(module_id: api.PathName, body: SwitchModule) -> ModuleOut:
    """Switch it Off, to Sandbox, or On."""
    caller = api.caller(app)
    return show(
        administering.switch_module(module_id, body.state, caller=caller, doors=runtime.doors())
    )


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
