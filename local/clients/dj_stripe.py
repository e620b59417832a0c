"""Have dj-stripe sync one of everything from the stand-in: `dj_stripe.py ADDRESS FOLDER`."""

import sys
from pathlib import Path

import django
import stripe
from django.conf import settings
from django.core.management import call_command

BASE, FOLDER = sys.argv[1], Path(sys.argv[2])
KEY = "sk_test_" + "roses" * 5
BACK = "http://127.0.0.1:9/back"
KINDS = (
    "Account", "BalanceTransaction", "Charge", "Customer", "Dispute", "Event", "PaymentIntent",
    "PaymentMethod", "Payout", "Price", "Product", "Refund", "Session", "SetupIntent",
)  # fmt: skip


def sell() -> None:
    """Make at least one object of each kind."""
    never = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    customer = stripe.Customer.create(name="Ada", email="ada@shop.example").id
    card = stripe.PaymentMethod.attach("pm_card_visa", customer=customer).id
    given = {"amount": 4200, "currency": "usd", "customer": customer, "confirm": True, **never}
    paid = stripe.PaymentIntent.create(payment_method=card, **given)
    stripe.PaymentIntent.create(payment_method="pm_card_createDispute", **given)
    stripe.PaymentIntent.create(payment_method="pm_card_bypassPending", **given)
    stripe.Refund.create(payment_intent=paid.id, amount=700)
    stripe.SetupIntent.create(payment_method=card, customer=customer, confirm=True, **never)
    product = stripe.Product.create(name="Tulips").id
    price = stripe.Price.create(product=product, unit_amount=1500, currency="usd").id
    items = [{"price": price, "quantity": 2}]
    stripe.checkout.Session.create(
        mode="payment", customer=customer, line_items=items, success_url=BACK
    )
    stripe.Payout.create(amount=1000, currency="usd")


def sync() -> list[str]:
    """Sync every object of every kind, and say how many there were."""
    from djstripe import models  # noqa: PLC0415 - Django has to be set up first

    said = []
    for kind in KINDS:
        model = getattr(models, kind)
        given = {"customer": models.Customer.objects.first().id} if kind == "PaymentMethod" else {}
        found = (
            [stripe.Account.retrieve()]
            if kind == "Account"
            else list(model.api_list(api_key=KEY, **given))
        )
        for each in found:
            model.sync_from_stripe_data(each, api_key=KEY)
        if not model.objects.exists():
            sys.exit(f"dj-stripe has no {kind}")
        said.append(f"{model.objects.count()} {kind}")
    return said


settings.configure(
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(FOLDER / "dj.sqlite3")}
    },
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djstripe"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    STRIPE_TEST_SECRET_KEY=KEY,
    STRIPE_LIVE_MODE=False,
    USE_TZ=True,
)
django.setup()
stripe.api_base, stripe.api_key, stripe.enable_telemetry = BASE, KEY, False
call_command("migrate", verbosity=0)
sell()
print(f"dj-stripe, stripe {stripe.VERSION}, {stripe.api_version}: {', '.join(sync())}")
