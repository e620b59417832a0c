"""The door to Stripe for one account: all its requests, by subject in `stripe_api`."""

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

    With `stripe_account` the key is the platform's and each request acts in that account. These are
    direct charges, whose money belongs to the merchant from the start.
    """
