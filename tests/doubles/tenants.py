"""Two merchants' keys at the stand-in, which takes any that are well formed."""

from local.standin.engine.access import account_of


def secret_key(tenant: str) -> str:
    """A key of the tenant's Stripe account, in test mode."""
    return "sk_test_" + tenant * 4


def publishable_key(tenant: str) -> str:
    return "pk_test_" + tenant * 4


def another_secret_key(tenant: str, tail: str, mode: str = "test") -> str:
    """A further key of the same Stripe account, which the stand-in reads from the key."""
    return f"sk_{_mark(mode)}{_part(tenant, tail)}"


def another_publishable_key(tenant: str, tail: str, mode: str = "test") -> str:
    return f"pk_{_mark(mode)}{_part(tenant, tail)}"


def _mark(mode: str) -> str:
    return "live_standin" if mode == "live" else "test_"


def _part(tenant: str, tail: str) -> str:
    return account_of(tenant * 4).replace("_", "") + tail.rjust(24, "x")


def claims_of(tenant: str, role: str) -> dict[str, str]:
    """
    What a person's token says; the storefront is a machine whose client id a row maps.

    A profile has its role's name, unless it is given behind it: `operator/desk`.
    """
    if role == "storefront":
        return {"client_id": f"storefront-{tenant}", "token_use": "access"}
    role, _, profile = role.partition("/")
    profile = profile or role
    return {"tenant": tenant, "role": role, "profile": profile, "sub": f"{profile}@{tenant}"}


def storefront_row(tenant: str) -> dict[str, dict[str, str]]:
    """The row that an administrator writes once for a machine client."""
    row = {
        "pk": f"P#CLIENT#storefront-{tenant}",
        "sk": "POINTER",
        "tenant": tenant,
        "role": "storefront",
        "profile": "storefront",
    }
    return {name: {"S": value} for name, value in row.items()}
