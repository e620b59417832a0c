"""The door to Stripe: one account, and all that it is asked; by subject in `stripe_api`."""

from payments.doors.stripe_api.accounts import Accounts
from payments.doors.stripe_api.customers import Customers
from payments.doors.stripe_api.disputes import Disputes
from payments.doors.stripe_api.events import Events
from payments.doors.stripe_api.intents import Intents
from payments.doors.stripe_api.refunds import Refunds
from payments.doors.stripe_api.sessions import Sessions


class Gateway(Intents, Sessions, Refunds, Disputes, Customers, Events, Accounts):
    """
    One merchant's Stripe account, through one pair of keys.

    With `stripe_account` the key is the platform's, and what is done is done there: direct charges,
    whose money is the merchant's from the first.
    """
