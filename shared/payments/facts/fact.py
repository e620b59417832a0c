"""The base of every noun: a value that never changes; a change makes another value."""

from typing import Self

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    """
    A frozen value, checked when it is read.

    Its validator is built with the first value. No function needs every noun, so none pays for all
    in its cold start.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    def having(self, **changes: object) -> Self:
        """Return it with `changes`; the store sets the version of a written row."""
        return self.model_copy(update=changes)
