"""How the demo tells what it does: titles, steps with what they prove, and waiting in sight."""

import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from local.stack.client import Answer

WAIT_S = 30
STEPS = count(1)


class Surprise(Exception):
    """A step did not do what it is there to show."""


def wait(until: Callable[[], Any], what: str) -> Any:
    """Ask again until there is an answer, showing that somebody is waiting."""
    with progress(what) as tick:
        for _ in range(WAIT_S * 10):
            found = until()
            if found:
                return found
            tick()
            time.sleep(0.1)
    raise Surprise(f"waited {WAIT_S} s for {what} in vain")


@contextmanager
def progress(what: str) -> Iterator[Callable[[], None]]:
    begun = time.monotonic()

    def tick() -> None:
        if sys.stdout.isatty():
            print(f"\r   ... {what}, {time.monotonic() - begun:.0f} s", end="", flush=True)

    yield tick
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)


def expect(status: int, answer: Answer) -> dict[str, Any]:
    if answer.status != status:
        raise Surprise(f"expected {status}, got {answer.status}: {answer.text[:300]}")
    found: dict[str, Any] = answer.json
    return found


def require(held: object, otherwise: str) -> None:
    if not held:
        raise Surprise(otherwise)


def key() -> str:
    return uuid.uuid4().hex


def euros(invoice: dict[str, Any], name: str) -> str:
    return f"{invoice['amounts'][name] / 100:.2f} EUR"


def step(text: str) -> None:
    title(f"{next(STEPS)}. {text}")


def title(text: str) -> None:
    print(f"\n{text}", flush=True)


def say(what: str, proves: str) -> None:
    print(f"   {what:<44} {proves}", flush=True)


def note(text: str) -> None:
    print(f"   {'':<44} {text}", flush=True)
