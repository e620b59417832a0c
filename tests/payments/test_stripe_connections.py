"""Connections to Stripe: the SDK's own client over `requests` is their judge."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import stripe

from benchmarks import certificates, cold_start
from local.stack import loopback
from payments.doors.stripe_api import transport
from payments.doors.stripe_api.transport import Connected, connections
from tests.doubles.scripted import Reply, breaks_off, hangs_up, says, says_nothing, scripted

HEADERS = {"Authorization": "Bearer a", "Idempotency-Key": "k", "Stripe-Version": "v"}
FORM = HEADERS | {"Content-Type": "application/x-www-form-urlencoded"}
FILE = HEADERS | {"Content-Type": "multipart/form-data; boundary=b"}
REQUESTS = {
    "read": ("get", "/v1/charges?limit=2&expand[]=data", HEADERS, None),
    "write": ("post", "/v1/payment_intents", FORM, "amount=1&metadata[a]=%C3%A9"),
    "write nothing": ("post", "/v1/payment_intents/pi_1/cancel", FORM, ""),
    "delete": ("delete", "/v1/customers/cus_1", HEADERS, None),
    "upload": ("post", "/v1/files", FILE, b"--b\r\n\x00\xff--b--"),
}


@contextmanager
def both() -> Iterator[tuple[stripe.HTTPClient, stripe.HTTPClient]]:
    ours, theirs = Connected(), stripe.RequestsClient(timeout=(2, 8))
    # It keeps a connection open, and notes where it has one.
    with closing(ours), closing(theirs):
        yield ours, theirs


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("status", [200, 402, 500])
def test_a_request_is_sent_and_answered_as_by_the_sdks_own_client(name: str, status: int) -> None:
    method, path, headers, body = REQUESTS[name]
    reply = says({"id": "x"}, status, Request_Id="req_1", Stripe_Should_Retry="false")
    with scripted(reply, reply) as server, both() as clients:
        answers = [
            client.request(method, f"{server.address}{path}", headers, body) for client in clients
        ]
        ours, theirs = server.heard

    assert (ours.method, ours.path, ours.body) == (theirs.method, theirs.path, theirs.body)
    for header in ("authorization", "idempotency-key", "content-type", "content-length", "host"):
        assert ours.headers.get(header) == theirs.headers.get(header)
    (text, code, told), (their_text, their_code, their_told) = answers
    assert text.encode() == bytes(their_text)
    assert code == their_code == status
    for header in ("request-id", "stripe-should-retry"):
        assert told[header] == their_told[header]


@pytest.mark.parametrize("trouble", [hangs_up, breaks_off])
def test_what_was_broken_off_may_be_sent_again(trouble: Reply) -> None:
    """Over `requests` an answer that breaks off in its middle may not: the key makes it safe."""
    with scripted(trouble) as server, closing(Connected()) as client:
        url = f"{server.address}/v1/x"
        with pytest.raises(stripe.APIConnectionError) as lost:
            client.request("post", url, FORM, "a=b")

    assert lost.value.should_retry


def test_silence_ends_after_the_time_that_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "READ_TIMEOUT_S", 0.05)
    with scripted(says_nothing) as server, closing(Connected()) as client:
        url = f"{server.address}/v1/x"
        with pytest.raises(stripe.APIConnectionError, match="timeout") as lost:
            client.request("get", url, HEADERS)

    assert lost.value.should_retry


def test_a_certificate_of_nobody_is_refused_and_not_tried_again(tmp_path: Any) -> None:
    issued = certificates.issue(tmp_path)
    with cold_start.serving_tls(loopback.Handler, issued.server) as address, both() as clients:
        for client in clients:
            with pytest.raises(stripe.APIConnectionError) as refused:
                client.request("get", f"{address}/v1/x", HEADERS)
            assert not refused.value.should_retry


def test_a_connection_serves_one_key_after_another() -> None:
    """It carries no key: what a request may do is in its own headers alone."""
    with scripted(says({}), says({})) as server, closing(Connected()) as client:
        for key in ("one", "two"):
            client.request("get", f"{server.address}/v1/x", {"Authorization": f"Bearer {key}"})

    assert [heard.headers["authorization"] for heard in server.heard] == [
        "Bearer one",
        "Bearer two",
    ]
    assert server.connections == 1


@pytest.mark.parametrize(
    ("proxy", "kind"), [("", Connected), ("http://127.0.0.1:1", stripe.RequestsClient)]
)
def test_behind_a_proxy_the_sdks_own_client_knows_the_way(
    proxy: str, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)

    assert type(connections()) is kind
