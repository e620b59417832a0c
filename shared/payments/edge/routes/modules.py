"""/v1/payment-modules: what may be paid with, and on which terms."""

from decimal import Decimal
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import BaseModel, Field

from payments.cases.modules import configure
from payments.edge import api, rates, runtime
from payments.edge.shapes import CertificationOut, show_certification
from payments.errors import NotFound
from payments.facts.capabilities import Capability
from payments.facts.fees import FeePolicy
from payments.facts.module import Features, ModuleState, PaymentModule
from payments.facts.terms import AmountLimit
from payments.facts.velocity import Counts, Rule, Scope
from payments.money import MAXIMUM_TOTAL

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

Switch = Annotated[bool, Field(strict=True)]
MethodName = Annotated[str, Field(pattern=r"^[a-z0-9_]{2,40}$")]


class FeaturesIn(api.Body):
    """Ways of paying; what is left out stays as it is, which is off in a new module."""

    link: Switch = False
    charge_saved: Switch = False
    partial: Switch = False
    surcharge: Switch = False


class AmountLimitIn(api.Body):
    """The least and the most of one charge, in minor units; null means no limit."""

    currency: api.Currency
    min: api.Amount | None = None
    max: api.Amount | None = None


class RuleIn(api.Body):
    """Within `minutes`, up to `limit` of what it counts are allowed; null means no limit."""

    scope: Scope
    counts: Counts
    limit: Annotated[int | None, Field(strict=True, ge=1, le=1000)]
    minutes: Annotated[int, Field(strict=True, ge=1, le=1440)] = 60


class FixedFeeIn(api.Body):
    """Minor units of a currency: what is added to the percentage, and the most that is taken."""

    currency: api.Currency
    fixed: Annotated[int, Field(strict=True, ge=0, le=MAXIMUM_TOTAL)] = 0
    cap: Annotated[int | None, Field(strict=True, ge=0, le=MAXIMUM_TOTAL)] = None


class FeePolicyIn(api.Body):
    """
    The platform's fee on each payment of accounts that are connected through it.

    On accounts with keys of their own it is a surcharge: the payer sees it and pays it on top, if
    the feature `surcharge` is on.
    """

    percent: rates.FeeRate = Decimal(0)
    amounts: Annotated[tuple[FixedFeeIn, ...], Field(max_length=150)] = ()


class ModuleTerms(api.Body):
    """
    `methods` are Stripe's payment method types; of those that Stripe offers, only these are shown.

    An empty list limits nothing. In `velocity`, rules that are not named keep their defaults.
    """

    features: FeaturesIn = FeaturesIn()
    methods: Annotated[tuple[MethodName, ...], Field(max_length=60)] = ()
    currencies: Annotated[tuple[api.Currency, ...], Field(max_length=150)] = ()
    limits: Annotated[tuple[AmountLimitIn, ...], Field(max_length=150)] = ()
    velocity: Annotated[tuple[RuleIn, ...], Field(max_length=8)] = ()
    fee_policy: FeePolicyIn = FeePolicyIn()


class CreateModule(ModuleTerms):
    """A module belongs to one account for good, and is Off until it is switched."""

    name: api.Text
    account: api.Name


class ChangeModule(ModuleTerms):
    """What is left out stays as it is; a list replaces the whole list."""

    name: api.Text = ""


class SwitchModule(api.Body):
    """`sandbox` needs an account with test keys, `on` one with live keys."""

    state: ModuleState


class ModuleOut(BaseModel):
    """A payment module; the ETag is its version."""

    id: str
    name: str
    account: str
    state: ModuleState
    features: Features
    methods: list[str]
    currencies: list[str]
    limits: list[AmountLimit]
    velocity: list[Rule]
    fee_policy: FeePolicy
    created_at: str
    version: int


class ModulePage(BaseModel):
    """A page of payment modules."""

    data: list[ModuleOut]
    next_cursor: str | None


class CapabilitiesOut(BaseModel):
    """`usable` says whether anything can be paid now; if not, `reason` says why."""

    module: str
    state: ModuleState
    usable: bool
    reason: str | None
    data: list[Capability]


def show(module: PaymentModule) -> ModuleOut:
    """Return the module as a caller may see it."""
    shown = module.model_dump(mode="json", exclude={"tenant", "terms"})
    terms = module.terms.model_dump(mode="json") | {"velocity": list(module.rules)}
    return ModuleOut.model_validate(shown | terms)


@router.post("/v1/payment-modules", status_code=201)
def create_module(body: CreateModule) -> Response[ModuleOut]:
    """Create a payment module; it is Off."""
    caller, doors = api.caller(router), runtime.doors()
    fields = body.model_dump(exclude_unset=True)

    def create(module_id: str) -> ModuleOut:
        return show(
            configure.create_module(fields, module_id=module_id, caller=caller, doors=doors)
        )

    return api.answer_once(router, "mod", 201, create, moves_money=False)


@router.get("/v1/payment-modules")
def list_modules(
    limit: api.Limit = 20,
    cursor: api.Cursor = None,
) -> ModulePage:
    """List the payment modules, newest first."""
    modules, following = runtime.store().page(
        PaymentModule, api.caller(router).tenant, limit=limit, cursor=cursor
    )
    return ModulePage(data=[show(module) for module in modules], next_cursor=following)


@router.get("/v1/payment-modules/<module_id>")
def get_module(module_id: api.PathName) -> Response[ModuleOut]:
    """Return one payment module."""
    return _answer(runtime.store().module(api.caller(router).tenant, module_id))


@router.patch("/v1/payment-modules/<module_id>")
def change_module(module_id: api.PathName, body: ChangeModule) -> Response[ModuleOut]:
    """Change a module; If-Match names the version that was seen."""
    return _answer(
        configure.change_module(
            module_id,
            body.model_dump(exclude_unset=True),
            seen=api.if_match(router),
            caller=api.caller(router),
            doors=runtime.doors(),
        )
    )


@router.post("/v1/payment-modules/<module_id>/state")
def switch_module(module_id: api.PathName, body: SwitchModule) -> Response[ModuleOut]:
    """Switch a module Off, to Sandbox, or On."""
    caller, doors = api.caller(router), runtime.doors()
    return _answer(configure.switch_module(module_id, body.state, caller=caller, doors=doors))


@router.get("/v1/payment-modules/<module_id>/capabilities")
def get_capabilities(module_id: api.PathName) -> CapabilitiesOut:
    """Return what a module can do, what could be switched on, and what is impossible."""
    module, obstacle, found = configure.survey(
        module_id, caller=api.caller(router), doors=runtime.doors()
    )
    return CapabilitiesOut(
        module=module.id,
        state=module.state,
        usable=obstacle is None,
        reason=obstacle,
        data=list(found),
    )


@router.get("/v1/payment-modules/<module_id>/certification")
def get_certification(module_id: api.PathName) -> CertificationOut:
    """Return a module's last certification, step by step."""
    tenant = api.caller(router).tenant
    runtime.store().module(tenant, module_id)
    found = runtime.store().certification(tenant, module_id)
    if not found:
        raise NotFound("The module has not been certified yet.")
    return show_certification(found)


def _answer(module: PaymentModule) -> Response[ModuleOut]:
    return api.answer(200, show(module), api.etag(module.version))
