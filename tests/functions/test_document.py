"""What functions/openapi.json promises of every route, for every role: no more, and no less."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from local.paths import ROOT
from tests.doubles.matrix import ROLES
from tests.functions.documented import Asked, Operation, allowed, forbidden, operations
from tests.functions.shop import Shop, expect
from tests.functions.world import Answer, Json

#: The same requests every time, since what is found has to be found again.
STEADY = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
STATUSES = {
    code: int(status)
    for code, status in re.findall(
        r"^\| `(\w+)` \| (\d{3}) \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE
    )
}
#: They end what the others need.
LAST = ("/v1/accounts", "/v1/payment-modules", "/v1/settings", "/v1/profiles", "/erase")


def in_turn() -> list[str]:
    return sorted(operations(), key=lambda route: any(part in route for part in LAST))


@pytest.fixture(scope="module")
def known(showroom: Shop) -> Json:
    """Give names of what the tulips have, and of what nobody has."""
    showroom.customer("c-2")
    card = showroom.save_card()
    paid, owed = showroom.invoice(), showroom.invoice()
    charged = expect(201, showroom.charge(paid))
    link = expect(201, showroom.operator.post(f"/v1/invoices/{owed['id']}/pay-links", {}))
    names = {
        "ref": ["c-1", "c-2"],
        "customer": ["c-1"],
        "module": [showroom.module["id"]],
        "mid": [showroom.module["id"]],
        "account": [showroom.account["id"]],
        "invoice": [paid["id"], owed["id"]],
        "payment_method": [card],
        "pm": [card],
        "id": [
            owed["id"], paid["id"], charged["payment"]["id"], charged["attempt"]["id"], link["id"],
            showroom.account["id"], showroom.module["id"],
        ],
        "did": ["del_nobody"],
    }  # fmt: skip
    return {name: [*found, "x_nobody"] for name, found in names.items()}


def ask(shop: Shop, operation: Operation, asked: Asked, role: str) -> tuple[Answer, Json, Json]:
    """Send a request; return the answer, and what was kept before and after it."""
    method, template = operation.route.split(" ")
    path = template.format(**{name: quote(each) for name, each in asked.path.items()})
    client, before = shop.world.client("tulips", role), shop.world.facts()
    sends_body = operation.body is not None and method != "GET"
    answer = client.send(
        method, path, asked.body if sends_body else None,
        key=None, headers=asked.headers, query=asked.query,
    )  # fmt: skip
    return answer, before, shop.world.facts()


def require_sound(operation: Operation, answer: Answer, before: Json, after: Json) -> None:
    """Whatever was asked: no mistake of ours, and a refusal that is one."""
    assert answer.status < 500, answer.text
    if answer.status < 400:
        assert str(answer.status) in operation.shape["responses"], answer.status
        return
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert STATUSES[answer.code] == answer.status == answer.json["status"], answer.text
    if answer.status != 402:
        changed = [key for key in after if after[key] != before.get(key)]
        assert not changed, (answer.text, changed)


@pytest.mark.parametrize("route", in_turn())
def test_what_the_document_allows_is_not_refused_for_its_shape(
    showroom: Shop, known: Json, route: str
) -> None:
    operation = operations()[route]

    @settings(STEADY, max_examples=8)
    @given(allowed(operation, known), st.sampled_from(ROLES))
    def holds(asked: Asked, role: str) -> None:
        answer, before, after = ask(showroom, operation, asked, role)
        require_sound(operation, answer, before, after)
        problem: dict[str, Any] = answer.json if answer.status >= 400 else {}
        assert not problem.get("errors"), problem
        assert answer.code not in {"idempotency_key_required", "precondition_required"}

    holds()


@pytest.mark.parametrize("route", in_turn())
def test_nothing_that_is_sent_breaks_a_route(showroom: Shop, known: Json, route: str) -> None:
    operation = operations()[route]

    @settings(STEADY, max_examples=12)
    @given(forbidden(operation, known), st.sampled_from(ROLES))
    def holds(asked: Asked, role: str) -> None:
        require_sound(operation, *ask(showroom, operation, asked, role))

    holds()
