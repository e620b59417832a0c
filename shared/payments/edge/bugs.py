"""What a log may say of a bug: its kind and place, but never its message."""

import traceback
from typing import Any


def described(error: BaseException) -> dict[str, Any]:
    """Return the fields of a log line about an error."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    return {"error": type(error).__name__, "where": where[-8:]}
