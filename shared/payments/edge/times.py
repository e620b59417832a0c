"""Days and times in requests: ISO 8601 as text, stored in UTC to the second."""

import re
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _require_written(value: object) -> object:
    """Refuse a number, even as text: pydantic would count seconds from 1970."""
    if not isinstance(value, str) or not _DAY.match(value):
        raise ValueError("write it as in 2026-12-31")
    return value


def _in_utc(at: datetime) -> datetime:
    """Return the time in UTC, so that texts sort as times do."""
    try:
        return at.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise ValueError("beyond the first or the last year") from None


Day = Annotated[date, BeforeValidator(_require_written)]
#: RFC 3339 with a time zone.
Time = Annotated[AwareDatetime, BeforeValidator(_require_written), AfterValidator(_in_utc)]
