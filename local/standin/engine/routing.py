"""The table of routes; each subject's module fills it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.standin.engine.messages import Answer, Json

if TYPE_CHECKING:
    from local.standin.engine.call import Call

ApiHandler = Callable[["Call"], Json]
PageHandler = Callable[["Call"], Answer]


@dataclass(frozen=True)
class Route:
    """One operation of the API."""

    method: str
    segments: tuple[str, ...]
    handler: ApiHandler
    params: str | None
    permission: str | None
    publishable: bool


@dataclass(frozen=True)
class Page:
    """One hosted page."""

    method: str
    segments: tuple[str, ...]
    handler: PageHandler


ROUTES: dict[tuple[str, int], list[Route]] = {}
PAGES: list[Page] = []


def permission_of(method: str, segments: tuple[str, ...]) -> str | None:
    """`POST /v1/checkout/sessions/...` needs `checkout_sessions.write`."""
    names = [s for s in segments[1:] if not s.startswith("{")]
    if names[0] in {"account", "accounts", "oauth"}:
        return None
    if segments[0] == "v2":
        return f"accounts.{'read' if method == 'GET' else 'write'}"
    resource = "checkout_sessions" if names[0] == "checkout" else names[0]
    if names == ["customers", "payment_methods"]:
        resource = "payment_methods"
    return f"{resource}.{'read' if method == 'GET' else 'write'}"


def route(
    method: str, path: str, params: str | None = None, *, publishable: bool = False
) -> Callable[[ApiHandler], ApiHandler]:
    segments = tuple(path.strip("/").split("/"))

    def register(handler: ApiHandler) -> ApiHandler:
        permission = permission_of(method, segments)
        entry = Route(method, segments, handler, params, permission, publishable)
        entries = ROUTES.setdefault((method, len(segments)), [])
        entries.append(entry)
        # A literal segment goes before a placeholder: /search is no id.
        entries.sort(key=lambda e: [s.startswith("{") for s in e.segments])
        return handler

    return register


def page(method: str, path: str) -> Callable[[PageHandler], PageHandler]:
    def register(handler: PageHandler) -> PageHandler:
        PAGES.append(Page(method, tuple(path.strip("/").split("/")), handler))
        return handler

    return register


def matched(segments: tuple[str, ...], actual: tuple[str, ...]) -> dict[str, str] | None:
    if len(segments) != len(actual):
        return None
    names: dict[str, str] = {}
    for expected, given in zip(segments, actual, strict=True):
        if expected.startswith("{"):
            names[expected[1:-1]] = given
        elif expected != given:
            return None
    return names


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    actual = tuple(path.strip("/").split("/"))
    for entry in ROUTES.get((method, len(actual)), []):
        if (names := matched(entry.segments, actual)) is not None:
            return entry, names
    return None


def find_page(method: str, path: str) -> tuple[Page, dict[str, str]] | None:
    actual = tuple(path.strip("/").split("/"))
    for entry in PAGES:
        if entry.method == method and (names := matched(entry.segments, actual)) is not None:
            return entry, names
    return None


def is_page(method: str, path: str) -> bool:
    return path.startswith("/c/") or (
        path.startswith("/oauth/") and find_page(method, path) is not None
    )


JobHandler = Callable[["Call", str], None]
JOBS: dict[str, JobHandler] = {}


def job(name: str) -> Callable[[JobHandler], JobHandler]:
    """Work that the clock makes due, not a request."""

    def register(handler: JobHandler) -> JobHandler:
        JOBS[name] = handler
        return handler

    return register
