"""The time zone in which a merchant's days begin and end."""

from functools import cache

#: Of a merchant who has chosen none.
UTC = "UTC"


@cache
def _names() -> frozenset[str]:
    # Only who changes the settings needs the list.
    from importlib.resources import files  # noqa: PLC0415

    listed = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return frozenset(listed) - {"Factory"}


def known(name: str) -> str:
    """Return the IANA name of a time zone, or raise ValueError: no other name is guessed at."""
    if name not in _names():
        raise ValueError("name a time zone of the IANA database, as in Europe/Berlin")
    return name
