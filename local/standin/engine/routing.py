"""The table of routes; each subject's module fills it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

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


Entry = TypeVar("Entry", Route, Page)
Place = tuple[str, int, str]
"""A method, how many segments a path has, and the second of them, which is never a placeholder."""
ROUTES: dict[Place, list[Route]] = {}
PAGES: dict[Place, list[Page]] = {}


def place_of(method: str, segments: Sequence[str]) -> Place:
    return method, len(segments), segments[1] if len(segments) > 1 else ""


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
        entries = ROUTES.setdefault(place_of(method, segments), [])
        entries.append(entry)
        # A literal segment goes before a placeholder: /search is no id.
        entries.sort(key=lambda e: [s.startswith("{") for s in e.segments])
        return handler

    return register


def page(method: str, path: str) -> Callable[[PageHandler], PageHandler]:
    segments = tuple(path.strip("/").split("/"))

    def register(handler: PageHandler) -> PageHandler:
        entries = PAGES.setdefault(place_of(method, segments), [])
        entries.append(Page(method, segments, handler))
        return handler

    return register


def matched(segments: tuple[str, ...], actual: list[str]) -> dict[str, str] | None:
    names: dict[str, str] = {}
    for expected, given in zip(segments, actual, strict=True):
        if expected[0] == "{":
            names[expected[1:-1]] = given
        elif expected != given:
            return None
    return names


def found_in(
    table: Mapping[Place, list[Entry]], method: str, path: str
) -> tuple[Entry, dict[str, str]] | None:
    actual = path.strip("/").split("/")
    for entry in table.get(place_of(method, actual), ()):
        if (names := matched(entry.segments, actual)) is not None:
            return entry, names
    return None


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    return found_in(ROUTES, method, path)


def find_page(method: str, path: str) -> tuple[Page, dict[str, str]] | None:
    return found_in(PAGES, method, path)


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
