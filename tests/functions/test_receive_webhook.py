"""POST /webhooks/stripe/{account}/{mode}: verified, kept and queued, and only then received."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from payments.doors.aws.answers import Refused
from payments.edge import runtime
from tests.functions.shop import Shop
from tests.functions.signing import a_body, deliver, secret_of, send, send_to, signed, write_secret
from tests.functions.world import Json

ROOT = Path(__file__).parents[2]


def queued(shop: Shop) -> list[Json]:
    return [json.loads(record["body"]) for record in shop.world.messages("events")]


def kept(shop: Shop) -> list[Json]:
    return [row for (_, sk), row in shop.world.rows().items() if sk == "EVENT"]


def test_a_signed_event_is_kept_queued_and_received(shop: Shop) -> None:
    body = a_body(id="evt_one")

    answer = deliver(shop, body)

    assert (answer.status, answer.json) == (200, {"received": True})
    assert answer.headers["x-request-id"].startswith("request-")
    (row,) = kept(shop)
    assert (row["id"]["S"], row["status"]["S"]) == ("evt_one", "pending")
    assert (row["tenant"]["S"], row["object_id"]["S"]) == ("tulips", "pi_1")
    assert queued(shop) == [
        {"tenant": "tulips", "account": shop.account["id"], "mode": "test", "event": "evt_one"}
    ]


def test_only_ids_are_kept_of_an_event(shop: Shop) -> None:
    deliver(shop, a_body(data={"object": {"id": "pi_1", "email": "eve@elsewhere.example"}}))

    assert "eve@elsewhere.example" not in str(shop.world.rows())


def test_bytes_that_came_in_base64_are_verified_as_bytes(shop: Shop) -> None:
    body = a_body()
    header = signed(body, secret_of(shop), shop.world.now().timestamp())
    event = shop.world.event(
        "POST",
        f"/webhooks/stripe/{shop.account['id']}/test",
        base64.b64encode(body).decode(),
        {"stripe-signature": header},
    )

    assert shop.world.invoke(event | {"isBase64Encoded": True}).status == 200


HEADERS: dict[str, Callable[[bytes, str, float], str | None]] = {
    "none": lambda _body, _secret, _now: None,
    "empty": lambda _body, _secret, _now: "",
    "words": lambda _body, _secret, _now: "hello",
    "no timestamp": lambda body, secret, now: signed(body, secret, now).partition(",")[2],
    "two timestamps": lambda body, secret, now: f"t={int(now)}," + signed(body, secret, now),
    "a timestamp in words": lambda body, secret, now: (
        "t=now," + signed(body, secret, now).partition(",")[2]
    ),
    "a timestamp in other digits": lambda body, secret, now: (
        "t=\u0661\u0662," + signed(body, secret, now).partition(",")[2]
    ),
    "another secret": lambda body, _secret, now: signed(body, "whsec_other", now),
    "an empty secret": lambda body, _secret, now: signed(body, "", now),
    "another body": lambda body, secret, now: signed(body + b" ", secret, now),
    "v0 only": lambda body, secret, now: signed(body, secret, now, "v0"),
    "too old": lambda body, secret, now: signed(body, secret, now - 301),
    "from the future": lambda body, secret, now: signed(body, secret, now + 301),
    "cut off": lambda body, secret, now: signed(body, secret, now)[:-1],
    "in capitals": lambda body, secret, now: signed(body, secret, now).upper(),
    "beyond ASCII": lambda _body, _secret, now: f"t={int(now)},v1=é",
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_wrong_signature_is_refused_and_keeps_nothing(showroom: Shop, name: str) -> None:
    body, now = a_body(), showroom.world.now().timestamp()
    before = showroom.world.rows()

    answer = send(showroom, body, HEADERS[name](body, secret_of(showroom), now))

    assert (answer.status, answer.code) == (400, "invalid_signature")
    assert answer.headers["content-type"] == "application/problem+json"
    assert showroom.world.rows() == before
    assert queued(showroom) == []


@pytest.mark.parametrize("age_s", [-300, 0, 300])
def test_a_signature_is_good_for_five_minutes_both_ways(shop: Shop, age_s: int) -> None:
    body, now = a_body(), shop.world.now().timestamp()

    assert send(shop, body, signed(body, secret_of(shop), now - age_s)).status == 200


def test_one_good_signature_among_several_is_enough(shop: Shop) -> None:
    body, now = a_body(), shop.world.now().timestamp()
    good = signed(body, secret_of(shop), now)

    assert send(shop, body, f"{good},v1={'0' * 64},v0=x").status == 200


def test_the_previous_secret_still_counts_after_a_rotation(shop: Shop) -> None:
    body, now, old = a_body(), shop.world.now().timestamp(), secret_of(shop)
    write_secret(shop, current="whsec_" + "new", previous=old)

    assert send(shop, body, signed(body, old, now)).status == 200


def test_an_empty_secret_signs_nothing(shop: Shop) -> None:
    body, now = a_body(), shop.world.now().timestamp()
    write_secret(shop, current="", previous="")

    assert send(shop, body, signed(body, "", now)).status == 400
    assert kept(shop) == []


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/stripe/acc_nobody/test",
        f"/webhooks/stripe/acc_{'0' * 26}/test",
        "/webhooks/stripe/%2e%2e/test",
        f"/webhooks/stripe/{'a' * 3000}/test",
        "/webhooks/stripe/acc_1%0a/test",
    ],
)
def test_an_account_of_nobody_is_not_found(showroom: Shop, path: str) -> None:
    answer = send_to(showroom.world, path, a_body(), "t=1,v1=x")

    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("account", ["acc_1", "x" * 600, "..%2fkeys", "acc_" + "Z" * 26])
def test_what_cannot_be_an_account_is_asked_of_nobody(showroom: Shop, account: str) -> None:
    showroom.world.gate.arm(None)

    path = f"/webhooks/stripe/{account}/test"
    answer = send_to(showroom.world, path, a_body(), "t=1,v1=x")

    assert (answer.status, answer.code) == (404, "not_found")
    assert not showroom.world.gate.passed


@pytest.mark.parametrize("mode", ["live", "sandbox", "TEST"])
def test_a_mode_without_a_secret_is_not_found(showroom: Shop, mode: str) -> None:
    assert send(showroom, a_body(), "t=1,v1=x", mode).status == 404


def test_a_body_over_half_a_megabyte_is_refused_before_anything_is_looked_up(
    showroom: Shop,
) -> None:
    showroom.world.gate.arm(None)

    answer = send(showroom, a_body(extra="x" * 512 * 1024), "t=1,v1=x")

    assert (answer.status, answer.code) == (413, "payload_too_large")
    assert not showroom.world.gate.passed


def test_a_body_of_nothing_is_refused(showroom: Shop) -> None:
    assert send(showroom, b"", "t=1,v1=x").status == 400


def test_the_same_event_again_is_kept_once_and_queued_until_it_is_applied(shop: Shop) -> None:
    body = a_body()

    assert [deliver(shop, body).status for _ in range(2)] == [200, 200]

    assert len(kept(shop)) == 1
    records = list(shop.world.messages("events"))
    assert len(records) == 2
    assert shop.world.work("apply_event", records[0]) == []
    assert deliver(shop, body).status == 200
    assert queued(shop) == []


def test_an_event_that_cannot_be_queued_is_not_received_but_kept(shop: Shop) -> None:
    body = a_body()
    runtime.event_queue()._url += "-gone"

    with pytest.raises(Refused):
        deliver(shop, body)

    runtime.event_queue.cache_clear()
    assert len(kept(shop)) == 1
    assert deliver(shop, body).status == 200
    assert len(queued(shop)) == 1


def test_an_event_that_nobody_queued_again_is_queued_by_the_sweep(shop: Shop) -> None:
    body = a_body()
    runtime.event_queue()._url += "-gone"
    with pytest.raises(Refused):
        deliver(shop, body)
    runtime.event_queue.cache_clear()
    runtime.doors.cache_clear()

    shop.world.advance(minutes=6)
    swept = shop.world.run("sweep_attempts", {})

    assert swept["events"] == 1
    assert len(queued(shop)) == 1


def test_an_event_of_a_connected_account_keeps_whose_it_is(shop: Shop) -> None:
    deliver(shop, a_body(account="acct_1other"))

    assert kept(shop)[0]["stripe_account"]["S"] == "acct_1other"


def test_the_signing_secret_is_never_logged(
    shop: Shop, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    body = a_body()
    deliver(shop, body)
    send(shop, body, "t=1,v1=x")

    told = caplog.text + "".join(capfd.readouterr()) + shop.world.log.getvalue()

    assert "webhook refused" in caplog.text
    assert secret_of(shop) not in told
    assert signed(body, secret_of(shop), shop.world.now().timestamp())[20:] not in told


def test_the_intake_starts_without_stripe_pydantic_or_powertools() -> None:
    code = (
        "import sys; sys.path[:0] = ['shared', 'functions']; import receive_webhook; "
        "print([name for name in sys.modules if name.partition('.')[0] in "
        "{'stripe', 'pydantic', 'aws_lambda_powertools', 'aws_xray_sdk', 'requests', 'boto3'}])"
    )

    done = subprocess.run(  # noqa: S603 - our own code in a fresh interpreter
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_an_events_row_ends_after_ninety_days(shop: Shop) -> None:
    deliver(shop, a_body())
    (row,) = kept(shop)
    received = shop.world.now().timestamp()

    assert int(row["ttl"]["N"]) == received + 90 * 24 * 3600
    shop.world.work("apply_event", *shop.world.messages("events"))
    (row,) = kept(shop)
    assert int(row["ttl"]["N"]) == received + 90 * 24 * 3600
