"""Two merchants' keys at the stand-in, which takes any that are well formed."""


def secret_key(tenant: str) -> str:
    """A key of the tenant's Stripe account, in test mode."""
    return "sk_test_" + tenant * 4


def publishable_key(tenant: str) -> str:
    return "pk_test_" + tenant * 4
