"""A payment module: what a merchant switches on, with one account and its features."""

from datetime import datetime
from enum import StrEnum
from typing import Literal, get_args

from pydantic import ConfigDict, Field

from payments.errors import FeatureDisabled, ModuleOff
from payments.facts.fact import Fact
from payments.facts.fees import FeePolicy
from payments.facts.terms import Terms
from payments.facts.velocity import Rule, effective


class ModuleState(StrEnum):
    """Off until an admin switches it; Sandbox uses test keys only."""

    OFF = "off"
    SANDBOX = "sandbox"
    ON = "on"


#: What follows where a bank wants the absent owner of a saved card to confirm.
OnActionRequired = Literal["send_link", "fail"]
#: Which of an account's credentials a state uses.
MODES = {ModuleState.SANDBOX: "test", ModuleState.ON: "live"}


class Features(Fact):
    """The ways of paying that the module offers."""

    model_config = ConfigDict(extra="forbid")

    link: bool = False
    charge_saved: bool = False
    partial: bool = False
    #: The fee policy is a surcharge that the payer pays, on accounts with keys of their own.
    surcharge: bool = False


class PaymentModule(Fact):
    """A payment module, bound to one account for good."""

    id: str
    tenant: str
    name: str
    account: str
    created_at: datetime
    state: ModuleState = ModuleState.OFF
    features: Features = Field(default_factory=Features)
    terms: Terms = Field(default_factory=Terms)
    #: Only what differs from the defaults.
    velocity: tuple[Rule, ...] = ()
    #: The platform's fee on payments of accounts that are connected through it. With the feature
    #: `surcharge`, it is what payers of other accounts pay on top.
    fee_policy: FeePolicy = Field(default_factory=FeePolicy)
    version: int = 1

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that limit how often something is tried."""
        return effective(self.velocity)

    @property
    def mode(self) -> str:
        """`test` or `live`; refused while Off."""
        if self.state is ModuleState.OFF:
            raise ModuleOff(f"Payment module {self.name} is Off.", module=self.id)
        return MODES[self.state]

    @property
    def on_action_required(self) -> OnActionRequired:
        """What follows where a bank wants a card's owner, who can be asked only by a link."""
        return "send_link" if self.features.link else "fail"

    def require(self, feature: str) -> None:
        """Refuse a way of paying that the module does not offer."""
        _ = self.mode
        if not getattr(self.features, feature):
            raise FeatureDisabled(
                f"Payment module {self.name} does not offer {feature}.", feature=feature
            )

    def require_card(self) -> None:
        """Refuse a saved card where the module takes only other methods."""
        if self.terms.methods and "card" not in self.terms.methods:
            raise FeatureDisabled(f"Payment module {self.name} takes no cards.", feature="card")

    def switch(self, state: ModuleState) -> "PaymentModule":
        """Return the module in `state`."""
        return self.having(state=state)


#: What a profile may do with a module, by what needs it. A role says which routes a caller may call
#: at all; a permission says through which module.
Permission = Literal[
    # Create, change, finalize, void and write off its invoices, and book other money for them.
    "invoice.*",
    # Make and withdraw pay links, and open pages for payers.
    "paylink.send",
    # Save cards and charge them.
    "charge.create",
    # Give money back, and answer disputes.
    "refund.create",
    # For what an account's own pages may ask of people later: today only admins manage accounts.
    "account.manage",
    # Start a reconciliation of its account.
    "recon.run",
    "metrics.read",
    "export.create",
]
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
#: What a grant allows that names no permissions: all that selling takes.
USUAL: tuple[Permission, ...] = tuple(name for name in PERMISSIONS if name != "account.manage")


class Grant(Fact):
    """A profile may use a module; a removed grant stays as a row that says so."""

    tenant: str
    profile: str
    module: str
    granted_at: datetime
    removed_at: datetime | None = None
    permissions: tuple[Permission, ...] = USUAL
    version: int = 1

    def allows(self, permission: Permission | None) -> bool:
        """Whether it stands and has the permission; None asks for any use at all."""
        return not self.removed_at and (permission is None or permission in self.permissions)
