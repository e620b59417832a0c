"""A tenant's own settings, and the payment modules that it configures and switches on."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from payments.doors.doors import Doors
from payments.doors.store import change
from payments.doors.table import RowChanged
from payments.errors import (
    AccountNotActive,
    CertificationRequired,
    CurrencyNotSupported,
    KeyModeMismatch,
    ValidationFailed,
    VersionMismatch,
)
from payments.facts.caller import Caller
from payments.facts.capabilities import Capability, capabilities
from payments.facts.certification import lacking
from payments.facts.fees import FeePolicy
from payments.facts.module import MODES, ModuleState, PaymentModule
from payments.facts.origin import require_origin, require_picture
from payments.facts.settings import Settings
from payments.facts.terms import Terms, unknown
from payments.facts.time_zone import require_zone
from payments.facts.velocity import Rule
from payments.money import require_currency
from payments.steps.accounts.unique_names import name_changes, taken

T = TypeVar("T", bound=BaseModel)


def decide(
    changes: Mapping[str, Any], *, seen: int, local: bool, caller: Caller, doors: Doors
) -> Settings:
    """
    Change a tenant's settings that are still at version `seen`, and return them.

    `local` allows return addresses on this machine, for the local stack.
    """
    for origin in changes.get("return_origins", ()):
        require_origin(origin, local=local)
    if changes.get("logo"):
        require_picture(changes["logo"])
    if "time_zone" in changes:
        require_zone(changes["time_zone"])
    known = doors.store.settings(caller.tenant)
    if known.version != seen:
        raise _changed("The settings are", known.version)
    try:
        return doors.store.save(known.having(**changes), known if known.version else None)
    except RowChanged:
        raise _changed("The settings are", doors.store.settings(caller.tenant).version) from None


def create_module(
    fields: Mapping[str, Any], *, module_id: str, caller: Caller, doors: Doors
) -> PaymentModule:
    """Create a payment module on an account, Off; `module_id` belongs to the request."""
    doors.store.account(caller.tenant, fields["account"])
    module = PaymentModule(
        id=module_id,
        tenant=caller.tenant,
        name=fields["name"],
        account=fields["account"],
        created_at=doors.now(),
    )
    module = _with(module, fields)
    created = change(module)
    try:
        doors.store.write(created, *name_changes(module, None, doors))
    except RowChanged as changed:
        if 0 in changed.rows:
            return doors.store.module(caller.tenant, module_id)
        raise taken(PaymentModule, module.name) from None
    return created.new


def change_module(
    module_id: str, changes: Mapping[str, Any], *, seen: int, caller: Caller, doors: Doors
) -> PaymentModule:
    """
    Change a module that is still at version `seen`, and return it.

    What is open at Stripe stays as it is.
    """
    known = doors.store.module(caller.tenant, module_id)
    if known.version != seen:
        raise _changed(f"Module {known.name} is", known.version)
    saved = change(_with(known, changes), known)
    try:
        doors.store.write(saved, *name_changes(saved.new, known.name, doors))
    except RowChanged as changed:
        if 0 in changed.rows:
            now = doors.store.module(caller.tenant, module_id)
            raise _changed(f"Module {now.name} is", now.version) from None
        raise taken(PaymentModule, saved.new.name) from None
    return saved.new


def switch_module(
    module_id: str, state: ModuleState, *, caller: Caller, doors: Doors
) -> PaymentModule:
    """
    Switch a module and return it.

    Sandbox needs an account with test keys, On needs live keys and a certification.
    """
    module = doors.store.module(caller.tenant, module_id)
    if state is not ModuleState.OFF:
        doors.store.account(caller.tenant, module.account).require_active(MODES[state])
    if state is ModuleState.ON and module.state is not ModuleState.ON:
        _require_certified(module, doors)
    try:
        return doors.store.save(module.switch(state), module)
    except RowChanged:
        raise VersionMismatch(f"Module {module.name} was changed at the same time.") from None


def _require_certified(module: PaymentModule, doors: Doors) -> None:
    if checks := lacking(doors.store.certification(module.tenant, module.id)):
        raise CertificationRequired(
            f"Payment module {module.name} goes On once it is certified: POST "
            f"/v1/payment-modules/{module.id}/certify tries everything in test mode.",
            checks=checks,
        )


def survey(
    module_id: str, *, caller: Caller, doors: Doors
) -> tuple[PaymentModule, str | None, tuple[Capability, ...]]:
    """Return a module, why nothing can be paid through it now, and its capabilities."""
    module = doors.store.module(caller.tenant, module_id)
    return module, _obstacle(module, doors), capabilities(module)


def _obstacle(module: PaymentModule, doors: Doors) -> str | None:
    if module.state is ModuleState.OFF:
        return f"Payment module {module.name} is Off."
    try:
        doors.store.account(module.tenant, module.account).require_active(module.mode)
    except (AccountNotActive, KeyModeMismatch) as refusal:
        return refusal.detail
    return None


def _with(module: PaymentModule, fields: Mapping[str, Any]) -> PaymentModule:
    """Return the module with those fields of a request that may be changed."""
    named = {name: fields[name] for name in Terms.model_fields if name in fields}
    terms = _sensible(Terms.model_validate({**dict(module.terms), **named}))
    features = module.features.having(**fields.get("features", {}))
    rules = tuple(Rule.model_validate(rule) for rule in fields.get("velocity", module.velocity))
    if len({(rule.scope, rule.counts) for rule in rules}) < len(rules):
        raise ValidationFailed("Give one rule for each scope and what it counts.")
    policy = FeePolicy.model_validate(fields.get("fee_policy", module.fee_policy))
    for each in policy.amounts:
        require_currency(each.currency)
    if len({each.currency for each in policy.amounts}) < len(policy.amounts):
        raise ValidationFailed("Give one fee for each currency.")
    return module.having(
        name=fields.get("name", module.name),
        features=features,
        terms=terms,
        velocity=rules,
        fee_policy=policy,
    )


def _sensible(terms: Terms) -> Terms:
    """Return the terms; refuse terms under which nothing could ever be paid."""
    if wrong := unknown(terms.methods):
        raise ValidationFailed(f"Stripe has no payment method {wrong[0]}.", methods=wrong)
    limited = [limit.currency for limit in terms.limits]
    for currency in (*terms.currencies, *limited):
        require_currency(currency)
    if len(set(limited)) < len(limited):
        raise ValidationFailed("Give one pair of limits for each currency.")
    for limit in terms.limits:
        if terms.currencies and limit.currency not in terms.currencies:
            raise CurrencyNotSupported(f"{limit.currency.upper()} is limited, but not taken.")
        if limit.min is not None and limit.max is not None and limit.min > limit.max:
            raise ValidationFailed(f"No {limit.currency.upper()} amount is within its limits.")
    return terms


def _changed(what: str, version: int) -> VersionMismatch:
    return VersionMismatch(f"{what} at version {version}.", version=version)
