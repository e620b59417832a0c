"""What is in the table before a measured request: a merchant who is ready to be paid."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from payments.facts.account import Account, AccountStatus, Slot
from payments.facts.customer import Customer, SavedMethod
from payments.facts.invoice import Invoice
from payments.facts.module import Features, Grant, ModuleState, PaymentModule

#: As the events in events/ name them.
TENANT, ACCOUNT, MODULE, INVOICE, CUSTOMER = (
    "tulips",
    "acc_01example00000000000000000",
    "mod_01example",
    "inv_01example",
    "ada",
)
OPENED = datetime(2026, 1, 1, tzinfo=UTC)


def rows(stripe_customer: str, payment_method: str) -> list[BaseModel | dict[str, Any]]:
    """Return the rows; the card is one that Stripe knows."""
    return [
        Account(
            id=ACCOUNT,
            tenant=TENANT,
            name="Tulips",
            created_at=OPENED,
            slots={"test": Slot(created_at=OPENED, status=AccountStatus.ACTIVE)},
        ),
        PaymentModule(
            id=MODULE,
            tenant=TENANT,
            name="Cards",
            account=ACCOUNT,
            created_at=OPENED,
            state=ModuleState.SANDBOX,
            features=Features(link=True, charge_saved=True, partial=True),
        ),
        _grant("operator"),
        _grant("storefront"),
        _customer(payment_method),
        _card(stripe_customer, payment_method),
        _invoice(),
        {
            "pk": f"P#CLIENT#storefront-{TENANT}",
            "sk": "POINTER",
            "tenant": TENANT,
            "role": "storefront",
            "profile": "storefront",
        },
    ]


def _grant(profile: str) -> Grant:
    return Grant(tenant=TENANT, profile=profile, module=MODULE, granted_at=OPENED)


def _customer(payment_method: str) -> Customer:
    return Customer(
        ref=CUSTOMER,
        tenant=TENANT,
        name="Ada",
        created_at=OPENED,
        online_payment_enabled=True,
        default_payment_method=payment_method,
    )


def _card(stripe_customer: str, payment_method: str) -> SavedMethod:
    return SavedMethod(
        id=payment_method,
        tenant=TENANT,
        customer=CUSTOMER,
        account=ACCOUNT,
        mode="test",
        stripe_customer=stripe_customer,
        setup_intent="seti_example",
        consented_at=OPENED,
        brand="visa",
        last4="4242",
        exp_month=12,
        exp_year=2030,
    )


def _invoice() -> Invoice:
    return Invoice(
        id=INVOICE,
        tenant=TENANT,
        number="2026-001",
        customer=CUSTOMER,
        currency="eur",
        total=4000,
        created_at=OPENED,
        module=MODULE,
        allow_partial=True,
    )
