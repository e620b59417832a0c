"""A link's token, and what may be paid through it."""
