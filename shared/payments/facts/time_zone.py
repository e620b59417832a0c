"""The time zone in which a merchant's days begin and end."""

from functools import cache

from payments.errors import ValidationFailed

#: Of a merchant who has chosen none.
UTC = "UTC"


@cache
def _names() -> frozenset[str]:
    # Only a change of the settings needs the list.
    from importlib.resources import files  # noqa: PLC0415

    listed = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return frozenset(listed) - {"Factory"}


def require_zone(name: str) -> None:
    """Refuse a text that is no IANA name of a time zone: none is guessed."""
    if name not in _names():
        raise ValidationFailed(
            "`time_zone` is a name of the IANA database, as in Europe/Berlin.", field="time_zone"
        )
