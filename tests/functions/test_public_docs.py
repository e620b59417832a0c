"""GET /health and GET /openapi.json."""

import pytest

from tests.functions.world import World


def test_health_asks_nobody(world: World) -> None:
    world.gate.arm(None)

    answer = world.public.get("/health")

    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert answer.headers["x-request-id"].startswith("request-")
    assert not world.gate.passed


def test_the_document_is_openapi_and_names_every_route(world: World) -> None:
    document = world.public.get("/openapi.json").json

    assert document["openapi"].startswith("3.1")
    paths = document["paths"]
    assert set(paths["/v1/invoices"]) >= {"get", "post"}
    charges = next(path for path in paths if path.endswith("/charges"))
    assert "post" in paths[charges]


@pytest.mark.parametrize("path", ["/health", "/openapi.json"])
def test_what_anybody_may_know_is_not_cached(world: World, path: str) -> None:
    assert world.public.get(path).headers["cache-control"] == "no-store"
