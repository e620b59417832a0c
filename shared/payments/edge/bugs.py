"""What a log may tell of a bug: kind and place, for its message may quote what no log may hold."""

import traceback
from typing import Any


def described(error: BaseException) -> dict[str, Any]:
    """Return the fields of a log line."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    return {"error": type(error).__name__, "where": where[-8:]}
