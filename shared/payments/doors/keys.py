"""How rows are named: the only place in which a tenant becomes part of a key."""

import zlib
from datetime import datetime

#: Readers accept this version and the one before, so that two deployments can run at once.
SCHEMA = 1
DUE_SHARDS = 8


def stamp(at: datetime) -> str:
    """Write a time so that text order is time order."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def partition(tenant: str, kind: str, name: str) -> str:
    """Return the partition of a tenant's object: the only way such a key is made."""
    return f"T#{tenant}#{kind}#{name}"


def due_shard(kind: str, name: str) -> str:
    """Return the shard of the due index in which an object's work stands."""
    return f"DUE#{kind}#{zlib.crc32(name.encode()) % DUE_SHARDS}"
