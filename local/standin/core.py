"""The stand-in itself: a world, and the one door to it, `handle`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING

from local.standin import control as commands
from local.standin.engine import exchange, jobs, pages
from local.standin.engine.messages import Answer, Request
from local.standin.engine.routing import is_page
from local.standin.engine.world import World

if TYPE_CHECKING:
    from local.standin.front import Server
    from local.standin.transport import InProcessClient

# Of a payment that Stripe captures by itself, its books know a moment later.
BOOKS_AFTER_S = 1.0
ROOMS = ("funds", "payments", "checkout", "connect", "webhooks")


class StandIn(World):
    """
    An offline Stripe.

    `settlement_s` is how long money stays pending in the balance, `books_after_s` how long a
    payment has no balance transaction yet.
    """

    def __init__(
        self,
        *,
        control: bool = False,
        seed: int | None = None,
        clock: Callable[[], float] | None = None,
        settlement_s: int = 0,
        books_after_s: float = BOOKS_AFTER_S,
        base_url: str = "http://127.0.0.1:12111",
    ) -> None:
        register_subjects()
        super().__init__(
            seed=seed, clock=clock,
            settlement_s=settlement_s, books_after_s=books_after_s, base_url=base_url,
        )  # fmt: skip
        self.control = control

    def handle(self, request: Request) -> Answer:
        if request.path.startswith(commands.PREFIX):
            return commands.answer(self, request) if self.control else commands.closed()
        if is_page(request.method, request.path):
            return pages.answer(self, request)
        return exchange.answer(self, request)

    def run_jobs(self) -> None:
        """Do what the clock has made due."""
        jobs.run_due(self)

    def serve(self, port: int = 0) -> Server:
        """Answer on 127.0.0.1 from threads of its own until `close()`."""
        from local.standin.front import Server  # noqa: PLC0415 - not needed in process

        server = Server(self.handle, port, on_close=self.deliveries.stop)
        self.base_url = server.url
        self.deliveries.start(self.run_jobs)
        return server

    def http_client(self) -> InProcessClient:
        """Give the SDK a client that calls this object instead of a network."""
        from local.standin.transport import InProcessClient  # noqa: PLC0415 - imports the SDK

        return InProcessClient(self.handle)

    def close(self) -> None:
        self.deliveries.stop()


def register_subjects() -> None:
    """Import every module of the subjects' rooms, which puts its routes into the table."""
    for room in ROOMS:
        package = importlib.import_module(f"local.standin.{room}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
