"""How rows are named: the only place in which a tenant becomes part of a key."""

import zlib
from datetime import UTC, datetime

#: Readers accept this version and the one before, so that two deployments can run at once.
SCHEMA = 1
DUE_SHARDS = 8
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def stamp(at: datetime) -> str:
    """Write a time so that text order is time order."""
    return f"{at.replace(tzinfo=None, microsecond=0).isoformat()}Z"


def partition(tenant: str, kind: str, name: str) -> str:
    """Return the partition of a tenant's object: the only way such a key is made."""
    return f"T#{tenant}#{kind}#{name}"


def account_pointer(mode: str, stripe_account: str) -> str:
    """Return where it stands whose a connected Stripe account is."""
    return f"P#ACCT#{mode}:{stripe_account}"


def parts(pk: str) -> tuple[str, str, str]:
    """Return the tenant, the kind and the name that `partition` made a key of."""
    _, tenant, kind, name = pk.split("#", 3)
    return tenant, kind, name


def dated(prefix: str, at_ms: int, tail: bytes) -> str:
    """
    Return an id that sorts by time.

    48 bits of milliseconds and ten bytes that make it unique (the ULID layout).
    """
    number = at_ms << 80 | int.from_bytes(tail, "big")
    return f"{prefix}_" + "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -5, -5))


def made_at(ident: str) -> datetime:
    """Return the time that `dated` wrote into an id."""
    number = 0
    for letter in ident.rpartition("_")[2]:
        number = number << 5 | _CROCKFORD.index(letter)
    return datetime.fromtimestamp((number >> 80) / 1000, UTC)


def due_shard(kind: str, name: str) -> str:
    """Return the shard of the due index in which an object's work stands."""
    return f"DUE#{kind}#{zlib.crc32(name.encode()) % DUE_SHARDS}"
