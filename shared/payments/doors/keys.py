"""The names of rows: the only place in which a tenant becomes part of a key."""

import zlib
from datetime import UTC, datetime

#: Readers accept this version and the one before, so that two deployments can run side by side.
SCHEMA = 1
DUE_SHARDS = 8
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def stamp(at: datetime) -> str:
    """Return a time as text that sorts by time."""
    return f"{at.replace(tzinfo=None, microsecond=0).isoformat()}Z"


def partition(tenant: str, kind: str, name: str) -> str:
    """Return the partition of a tenant's object; such a key is made only here."""
    return f"T#{tenant}#{kind}#{name}"


def account_pointer(mode: str, stripe_account: str) -> str:
    """Return the partition of the row that says who owns a connected Stripe account."""
    return f"P#ACCT#{mode}:{stripe_account}"


def parts(pk: str) -> tuple[str, str, str]:
    """Return the tenant, the kind and the name in a key that `partition` made."""
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
    """Return the shard of the due index for an object's work."""
    return f"DUE#{kind}#{zlib.crc32(name.encode()) % DUE_SHARDS}"
