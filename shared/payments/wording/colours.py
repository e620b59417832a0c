"""Choose a text colour that is readable on the merchant's own colour."""

#: The least contrast at which text is easy to read (WCAG 2.2, 1.4.3).
CONTRAST = 4.5


def readable_on(colour: str) -> str:
    """Return white or black, whichever is readable on the colour; one of them always is."""
    return "#ffffff" if 1.05 / (luminance(colour) + 0.05) >= CONTRAST else "#000000"


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb`, as WCAG defines it."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004
        for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
