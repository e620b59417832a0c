"""What every noun is: a value that never changes; whoever wants another makes one."""

from typing import Self

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    """
    A frozen value, checked when it is read.

    What checks it is built with the first one: no function needs every noun, and each of them
    starts cold with all.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    def having(self, **changes: object) -> Self:
        """Return it with `changes`; the store gives the next version of a row its number."""
        return self.model_copy(update=changes)
