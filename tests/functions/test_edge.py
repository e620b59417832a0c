"""What every route has in common: the bytes of a request, and what an answer may look like."""

import base64
import json

import pytest
from pydantic import BaseModel

from payments.edge import api, screening
from tests.doubles.invocations import PUBLIC, Context, answer_of
from tests.functions.refusals import PAN, refuse
from tests.functions.shop import Shop
from tests.functions.world import Answer, Client, World


def send_bytes(client: Client, method: str, path: str, body: bytes) -> Answer:
    """Send a body that API Gateway takes for no text, and encodes."""
    world = client.world
    event = world.event(method, path, base64.b64encode(body).decode(), claims=client.claims)
    return world.invoke(event | {"isBase64Encoded": True})


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_body_in_another_encoding_is_not_taken_for_none(showroom: Shop, encoding: str) -> None:
    """Without a body, a profile is granted all that is usual."""
    path = f"/v1/profiles/operator/modules/{showroom.module['id']}"
    body = '{"permissions": ["paylink.send"], "név": 1}'.encode(encoding)

    refused = refuse(showroom.world, lambda: send_bytes(showroom.admin, "PUT", path, body))

    assert refused == (400, "malformed_json")


def test_a_body_that_came_encoded_is_read(showroom: Shop) -> None:
    body = json.dumps(showroom.order(number="Nº 1"), ensure_ascii=False).encode()

    answer = send_bytes(showroom.operator, "POST", "/v1/invoices", body)

    assert answer.code == "idempotency_key_required"


@pytest.mark.parametrize(
    "declared", ["Application/JSON", "APPLICATION/JSON; charset=UTF-8", " application/json ;v=1"]
)
def test_the_type_of_a_body_is_written_in_any_case_and_with_parameters(
    showroom: Shop, declared: str
) -> None:
    sent = {"content-type": declared}

    assert showroom.operator.post("/v1/invoices", showroom.order(), headers=sent).status == 201


@pytest.mark.parametrize("declared", ["text/plain", "application/x-www-form-urlencoded", "", "x"])
def test_where_there_is_no_body_it_has_no_type(showroom: Shop, declared: str) -> None:
    """As `curl -X POST -d ''` and some browsers declare what they do not send."""
    path = f"/v1/accounts/{showroom.account['id']}/webhook-secret/rotate"
    sent = {"content-type": declared}

    assert showroom.admin.post(path, raw="", headers=sent).status == 200


def test_who_may_not_call_has_their_body_unread(
    showroom: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    monkeypatch.setattr(screening, "has_pan", lambda text: bool(read.append(text)))
    path, huge = f"/v1/accounts/{showroom.account['id']}/verify", "4242" * 16_000
    viewer = showroom.world.client("tulips", "viewer")
    nobody = showroom.world.client("tulips", "nobody")

    assert viewer.post(path, raw=huge).code == "permission_denied"
    assert nobody.post(path, raw=huge).code == "unauthenticated"
    assert showroom.world.public.post(path, raw=huge).code == "unauthenticated"
    assert not [text for text in read if huge in text]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("status=open&status=paid", "query.status"),
        ("limit=10&limit=10", "query.limit"),
        ("number=N-1&customer=c-1&number=N-2", "query.number"),
        ("due_before=2026-01-01&due_before=2026-01-02", "query.due_before"),
        ("%73tatus=open&status=paid", "query.status"),
        ("SURPRISE=1&SURPRISE=2", "query.unknown"),
    ],
)
def test_a_parameter_that_is_sent_twice_is_refused_by_its_name(
    showroom: Shop, query: str, named: str
) -> None:
    world = showroom.world
    joined: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    event = world.event("GET", "/v1/invoices", claims=showroom.operator.claims, query=joined)

    answer = world.invoke(event | {"rawQueryString": query})

    assert (answer.status, answer.code) == (422, "validation_failed")
    assert answer.json["errors"] == [{"field": named, "rule": "sent more than once"}]


def test_a_card_number_in_a_path_is_in_no_audit_record(showroom: Shop) -> None:
    viewer = showroom.world.client("tulips", "viewer/desk")

    assert viewer.post(f"/v1/accounts/{PAN}/verify").code == "permission_denied"
    trail = [row for (pk, _), row in showroom.world.rows().items() if "#AUD#" in pk]
    assert "unreadable" in json.dumps(trail)
    assert PAN not in json.dumps(trail) + showroom.world.log.getvalue()


class Told(BaseModel):
    """What the route below promises."""

    amount: int


def test_an_answer_that_is_not_as_promised_is_our_mistake_and_no_refusal(world: World) -> None:
    """Whoever reads 422 asks again, and what was asked for has been done."""
    app = api.new_app()

    @app.get("/v1/currencies")
    def show() -> Told:
        return {"amount": "much"}  # type: ignore[return-value]

    event = world.event("GET", "/v1/currencies", claims=world.client().claims)
    answer = answer_of(api.lambda_handler(app)(event, Context(29_000)))

    assert (answer.status, answer.code) == (500, "internal_error")
    assert "much" not in answer.text + world.log.getvalue()


@pytest.mark.parametrize("route", [*PUBLIC, "GET /v1/invoices"])
def test_every_answer_is_for_https_alone_and_is_what_it_says_it_is(
    world: World, route: str
) -> None:
    verb, path = route.split(" ")
    event = world.event(verb, path.replace("{mode}", "test").format(token="x", account="acc_x"))

    answer = world.invoke(event)

    assert answer.headers["strict-transport-security"] == "max-age=63072000"
    assert answer.headers["x-content-type-options"] == "nosniff"
