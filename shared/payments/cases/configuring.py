"""What a tenant decides for itself."""

from collections.abc import Mapping
from typing import Any

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.errors import VersionMismatch
from payments.facts.caller import Caller
from payments.facts.origin import require_origin, require_picture
from payments.facts.settings import Settings


def decide(
    changes: Mapping[str, Any], *, seen: int, local: bool, caller: Caller, doors: Doors
) -> Settings:
    """
    Change what a tenant has decided, if it is still at version `seen`.

    `local` says that the local stack asks, where payers come back to pages on this machine.
    """
    for origin in changes.get("return_origins", ()):
        require_origin(origin, local=local)
    if changes.get("logo"):
        require_picture(changes["logo"])
    known = doors.store.settings(caller.tenant)
    if known.version != seen:
        raise _changed(known)
    try:
        return doors.store.save(known.having(**changes), known if known.version else None)
    except RowChanged:
        raise _changed(doors.store.settings(caller.tenant)) from None


def _changed(known: Settings) -> VersionMismatch:
    return VersionMismatch(f"The settings are at version {known.version}.", version=known.version)
