"""
How a bug is planted: by replacing what the product's modules hold, so nothing of it is in there.

A bug of a new kind is one more function under `mutant`, with the name that reports use, in one of
the modules that `mutants` ends with.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from unittest.mock import patch

Replace = Callable[[Any, str, Any], None]
Plant = Callable[[Replace], None]
MUTANTS: dict[str, Plant] = {}
#: Of those that few seeds meet, the run that is made to meet them.
NUMBERS = count(1)


def mutant(name: str) -> Callable[[Plant], Plant]:
    def register(plant: Plant) -> Plant:
        MUTANTS[name] = plant
        return plant

    return register


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Have one bug in the product for a while."""
    patches = []

    def swap(owner: Any, attribute: str, new: Any) -> None:
        patches.append(patch.object(owner, attribute, new))
        patches[-1].start()

    MUTANTS[name](swap)
    try:
        yield
    finally:
        for made in reversed(patches):
            made.stop()
