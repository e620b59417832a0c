"""Signed events to a tenant's own systems: once for each subscription, and never to our inside."""

import hmac
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from threading import Event
from typing import Any

import pytest

from payments.cases.notifications import notify
from payments.cases.notifications.deliveries import SHARE
from payments.doors.outbound import Letter, NotDelivered, Outbound, Outcome
from payments.edge import runtime
from payments.facts.subscription import (
    DELAYS,
    Delivery,
    SigningSecret,
    Subscription,
    delivery_id,
)
from tests.doubles.receiver import Receiver, listening
from tests.functions.shop import Shop, expect
from tests.functions.world import Json, World

SUBSCRIPTIONS = "/v1/subscriptions"
PAID = "invoice.paid"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as made:
        yield made


@pytest.fixture
def shop(world: World, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The tulips' shop in a local stack, which may send to this machine."""
    monkeypatch.setattr(runtime, "outbound", lambda: Outbound(monotonic=time.monotonic, local=True))
    runtime.doors.cache_clear()
    return Shop.open(world, "tulips")


def subscribe(shop: Shop, url: str, *types: str) -> Json:
    asked = {"url": url, "types": list(types or (PAID,))}
    return expect(201, shop.admin.post(SUBSCRIPTIONS, asked))


def paid(shop: Shop) -> None:
    shop.pay(shop.invoice())
    shop.world.deliver()
    shop.world.notify()


def send(shop: Shop) -> Json:
    return dict(shop.world.run("deliver_events", {}))


def deliveries(shop: Shop, made: Json) -> list[Json]:
    return list(expect(200, shop.admin.get(f"{SUBSCRIPTIONS}/{made['id']}/deliveries"))["data"])


def standing(shop: Shop) -> list[Json]:
    return list(expect(200, shop.admin.get(SUBSCRIPTIONS))["data"])


def is_signed(got: tuple[dict[str, str], str], secret: str) -> bool:
    """As a receiver verifies it."""
    headers, body = got
    parts = [part.partition("=")[::2] for part in headers["Receivable-Signature"].split(",")]
    at = dict(parts)["t"]
    wanted = hmac.new(secret.encode(), f"{at}.{body}".encode(), sha256).hexdigest()
    return any(hmac.compare_digest(value, wanted) for name, value in parts if name == "v1")


def test_each_subscription_gets_an_event_once_however_often_the_fact_is_told(
    shop: Shop, receiver: Receiver
) -> None:
    shop.world.control("webhooks", mode="duplicate")
    first, second = (subscribe(shop, f"{receiver.url}/{name}") for name in "ab")
    other = subscribe(shop, f"{receiver.url}/c", "dispute.*")
    shop.pay(shop.invoice())
    for _ in range(3):
        shop.world.deliver()
        shop.world.notify()
        send(shop)

    assert [event["type"] for event in receiver.events] == [PAID, PAID]
    assert len({headers["Receivable-Event-Id"] for headers, _ in receiver.got}) == 1
    assert receiver.got[0][0]["Receivable-Event-Id"] == receiver.events[0]["id"]
    assert receiver.events[0]["tenant"] == "tulips"
    for made in (first, second):
        (delivery,) = deliveries(shop, made)
        assert (delivery["status"], delivery["last_status"]) == ("delivered", 200)
    assert deliveries(shop, other) == []


def test_a_sender_that_dies_before_its_mark_makes_no_second_delivery(
    shop: Shop, receiver: Receiver
) -> None:
    made = subscribe(shop, receiver.url)
    paid(shop)
    (row,) = [key for key in shop.world.rows() if key[1].startswith("NOTICE#payment.received")]
    found = runtime.store().notification(
        "tulips", "INV", row[0].rsplit("#", 1)[1], row[1].removeprefix("NOTICE#")
    )
    assert found
    send(shop)
    parts = {name: part for name, part in found.parts.items() if name != "bus"}
    again = found.having(parts=parts, sweep_at=shop.world.now())
    for _ in range(3):
        runtime.store().save(again, found)
        found = notify.notify(again.having(version=found.version + 1), runtime.doors())
        again = again.having(version=found.version)
        send(shop)

    assert len(deliveries(shop, made)) == len(receiver.got) == 1


def test_for_a_day_both_secrets_sign_and_then_only_the_new_one(
    shop: Shop, receiver: Receiver
) -> None:
    made = subscribe(shop, receiver.url)
    rotate = f"{SUBSCRIPTIONS}/{made['id']}/secret/rotate"
    new = expect(200, shop.admin.post(rotate, key="once"))
    assert expect(200, shop.admin.post(rotate, key="once")) == new
    assert new["signing_secret"] != made["signing_secret"]
    paid(shop)
    send(shop)
    shop.world.advance(hours=25)
    paid(shop)
    send(shop)

    during, after = receiver.got
    assert is_signed(during, made["signing_secret"])
    assert is_signed(during, new["signing_secret"])
    assert is_signed(after, new["signing_secret"])
    assert not is_signed(after, made["signing_secret"])
    assert not is_signed((after[0], after[1] + " "), new["signing_secret"])


def test_what_fails_is_sent_again_later_the_same_event_with_a_fresh_signature(
    shop: Shop, receiver: Receiver
) -> None:
    made = subscribe(shop, receiver.url)
    receiver.status = 500
    paid(shop)

    assert send(shop) == {"delivered": 0, "failed": 1, "postponed": 0}
    assert send(shop) == {"delivered": 0, "failed": 0, "postponed": 0}
    (delivery,) = deliveries(shop, made)
    assert (delivery["last_status"], delivery["last_error"]) == (500, "not_accepted")
    assert standing(shop)[0]["failing_since"]
    receiver.status = 204
    shop.world.advance(seconds=6)
    assert send(shop)["delivered"] == 1

    assert receiver.events[0] == receiver.events[1]
    first, second = (headers["Receivable-Signature"] for headers, _ in receiver.got)
    assert first != second
    assert standing(shop)[0]["failing_since"] is None


def test_a_redirect_is_not_followed(shop: Shop, receiver: Receiver) -> None:
    made = subscribe(shop, receiver.url)
    receiver.status = 307
    paid(shop)
    send(shop)

    assert len(receiver.got) == 1
    assert deliveries(shop, made)[0]["last_error"] == "not_accepted"


def test_after_the_last_try_it_has_failed_until_somebody_asks_for_it(
    shop: Shop, receiver: Receiver
) -> None:
    made = subscribe(shop, receiver.url)
    receiver.status = 503
    paid(shop)
    for delay in (*DELAYS, DELAYS[0]):
        send(shop)
        shop.world.advance(seconds=delay.total_seconds())
    send(shop)
    (delivery,) = deliveries(shop, made)
    assert len(receiver.got) == len(DELAYS) + 1
    assert (delivery["status"], delivery["next_attempt_at"]) == ("failed", None)

    receiver.status = 200
    again = f"{SUBSCRIPTIONS}/{made['id']}/deliveries/{delivery['id']}/redeliver"
    assert expect(202, shop.admin.post(again))["status"] == "pending"
    send(shop)
    assert deliveries(shop, made)[0]["status"] == "delivered"
    assert receiver.events[-1] == receiver.events[0]


def test_a_receiver_that_fails_for_five_days_is_disabled_and_a_success_enables_it(
    shop: Shop, receiver: Receiver
) -> None:
    made = subscribe(shop, receiver.url)
    receiver.status = 500
    for _ in range(6):
        paid(shop)
        send(shop)
        shop.world.advance(days=1)
    (shown,) = standing(shop)
    assert (shown["status"], bool(shown["status_reason"])) == ("disabled", True)
    asked, made_before = len(receiver.got), deliveries(shop, made)
    paid(shop)
    assert len(deliveries(shop, made)) == len(made_before)
    for _ in range(2):
        send(shop)
        shop.world.advance(minutes=6)
    assert len(receiver.got) == asked
    assert "subscription_disabled" in {each["last_error"] for each in deliveries(shop, made)}

    receiver.status = 200
    name = deliveries(shop, made)[-1]["id"]
    expect(202, shop.admin.post(f"{SUBSCRIPTIONS}/{made['id']}/deliveries/{name}/redeliver"))
    for _ in range(3):
        send(shop)
        shop.world.advance(minutes=6)
    assert standing(shop)[0]["status"] == "enabled"


def test_a_slow_receiver_keeps_no_other_waiting(shop: Shop, receiver: Receiver) -> None:
    bad = subscribe(shop, "http://127.0.0.1:1/nobody")
    subscribe(shop, receiver.url)
    for _ in range(3):
        paid(shop)

    assert send(shop) == {"delivered": 3, "failed": 1, "postponed": 2}
    assert {each["last_error"] for each in deliveries(shop, bad)} == {"unreachable", None}


def test_what_was_removed_gets_nothing_any_more(shop: Shop, receiver: Receiver) -> None:
    made = subscribe(shop, receiver.url)
    paid(shop)
    removed = expect(200, shop.admin.send("DELETE", f"{SUBSCRIPTIONS}/{made['id']}"))
    paid(shop)
    send(shop)

    assert removed["status"] == "removed"
    assert (receiver.got, standing(shop)) == ([], [])
    assert [each["last_error"] for each in deliveries(shop, made)] == ["subscription_removed"]
    rotate = shop.admin.post(f"{SUBSCRIPTIONS}/{made['id']}/secret/rotate")
    assert (rotate.status, rotate.json["code"]) == (409, "invalid_transition")


def test_nobody_sees_or_changes_another_tenants_subscription(
    shop: Shop, receiver: Receiver
) -> None:
    made = subscribe(shop, receiver.url)
    paid(shop)
    (delivery,) = deliveries(shop, made)
    home, bakery = f"{SUBSCRIPTIONS}/{made['id']}", shop.world.client("bakery")
    answers = (
        bakery.get(f"{home}/deliveries"),
        bakery.send("DELETE", home),
        bakery.post(f"{home}/secret/rotate"),
        bakery.post(f"{home}/deliveries/{delivery['id']}/redeliver"),
    )

    assert [answer.status for answer in answers] == [404] * 4
    assert expect(200, bakery.get(SUBSCRIPTIONS))["data"] == []
    assert standing(shop)[0]["status"] == "enabled"


def test_the_secret_is_in_one_answer_and_nowhere_else(
    shop: Shop, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = {"url": receiver.url, "types": [PAID]}
    made = expect(201, shop.admin.post(SUBSCRIPTIONS, asked, key="mine"))
    assert expect(201, shop.admin.post(SUBSCRIPTIONS, asked, key="mine")) == made
    new = expect(200, shop.admin.post(f"{SUBSCRIPTIONS}/{made['id']}/secret/rotate"))
    replaced = expect(201, shop.admin.post(SUBSCRIPTIONS, asked, key="mine"))
    assert replaced["signing_secret"] is None
    receiver.status = 500
    paid(shop)
    send(shop)

    secrets = (made["signing_secret"], new["signing_secret"])
    rows = {key: row for key, row in shop.world.rows().items() if key[1] != "SECRET"}
    told = str(standing(shop)) + str(deliveries(shop, made)) + str(receiver.got)
    places = shop.world.log.getvalue() + "".join(capfd.readouterr()) + str(rows) + told
    assert len(secrets[0]) > 32
    assert not [secret for secret in secrets if secret in places]


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/hooks",
        "http://127.0.0.1:8700/hooks",
        "https://127.0.0.1/hooks",
        "https://localhost/hooks",
        "https://[::1]/hooks",
        "https://2130706433/hooks",
        "https://0x7f.1/hooks",
        "https://169.254.169.254/latest",
        "https://shop.example:22/hooks",
        "https://shop.example:443@evil.example/",
        "https://user@shop.example/hooks",
        "https://user:word@shop.example/hooks",
        "https://shop.example/hooks#part",
        "https://SHOP.example/hooks",
        "https://shop.example\\@evil.example/",
        "https://shop.example/a b",
        "https://shop.example/a\r\nHost: evil.example",
        "https://shop.example./hooks",
        "file:///etc/passwd",
        "ftp://shop.example/hooks",
        "//shop.example/hooks",
        "x",
    ],
)
def test_an_address_that_is_not_a_public_https_one_is_refused(world: World, url: str) -> None:
    before = world.facts()
    answer = world.client().post(SUBSCRIPTIONS, {"url": url, "types": [PAID]})

    assert (answer.status, answer.json["code"]) == (422, "address_refused")
    assert world.facts() == before


@pytest.mark.parametrize("url", ["https://shop.example", "https://shop.example:8443/a?b=c%20d"])
def test_an_address_that_is_one_is_taken(world: World, url: str) -> None:
    made = world.client().post(SUBSCRIPTIONS, {"url": url, "types": ["refund.*", PAID]})

    assert expect(201, made)["types"] == ["refund.*", PAID]


@pytest.mark.parametrize("types", [[], ["invoice.*"], ["*"], [PAID] * 21])
def test_what_is_no_type_of_event_is_refused(world: World, types: list[str]) -> None:
    asked = {"url": "https://shop.example", "types": types}
    answer = world.client().post(SUBSCRIPTIONS, asked)

    assert (answer.status, answer.json["code"]) == (422, "validation_failed")


def test_a_tenant_has_so_many_and_no_more(world: World) -> None:
    asked = {"url": "https://shop.example", "types": [PAID]}
    for _ in range(20):
        made = expect(201, world.client().post(SUBSCRIPTIONS, asked))
    answer = world.client().post(SUBSCRIPTIONS, asked)
    assert (answer.status, answer.json["code"]) == (409, "too_many_subscriptions")

    expect(200, world.client().send("DELETE", f"{SUBSCRIPTIONS}/{made['id']}"))
    expect(201, world.client().post(SUBSCRIPTIONS, asked))


INSIDE = (
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 - an address that is refused
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "192.0.0.8",
    "192.88.99.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "240.0.0.1",
    "::",
    "::10.0.0.1",
    "::ffff:0:10.0.0.1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2000::5efe:a00:1",
    "2600::200:5efe:a00:1",
    "2001::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2620:4f:8000::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
)


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_that_leads_inside_is_not_followed(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("connected")

    monkeypatch.setattr("payments.doors.outbound.socket.create_connection", never)
    # One public address does not make the other one safe.
    found = [(2, 1, 6, "", (each, 443)) for each in ("93.184.215.14", address)]
    door = Outbound(monotonic=time.monotonic, resolve=lambda *_, **__: found)

    with pytest.raises(NotDelivered, match="address_refused"):
        door.post("https://shop.example/hooks", {}, "{}")


def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, reached = [], []

    def resolve(*_: Any, **__: Any) -> list[Any]:
        asked.append(1)
        return [(2, 1, 6, "", ("93.184.215.14", 443))]

    def connect(address: tuple[str, int], _: float) -> None:
        reached.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr("payments.doors.outbound.socket.create_connection", connect)
    with pytest.raises(NotDelivered, match="unreachable"):
        Outbound(monotonic=time.monotonic, resolve=resolve).post(
            "https://shop.example:8443/hooks", {}, "{}"
        )

    assert (asked, reached) == ([1], [("93.184.215.14", 8443)])


def test_outside_the_local_stack_this_machine_is_never_sent_to(receiver: Receiver) -> None:
    with pytest.raises(NotDelivered, match="address_refused"):
        Outbound(monotonic=time.monotonic).post(receiver.url, {}, "{}")

    assert receiver.got == []


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f::1", "2a00:1450:4001::200e"])
def test_a_name_that_leads_to_somebody_elses_public_machine_is_followed(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("payments.doors.outbound.socket.create_connection", refuse)
    door = Outbound(
        monotonic=time.monotonic, resolve=lambda *_, **__: [(2, 1, 6, "", (address, 443))]
    )

    with pytest.raises(NotDelivered, match="unreachable"):
        door.post("https://shop.example/hooks", {}, "{}")


def test_a_name_that_is_looked_up_for_ever_is_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("payments.doors.outbound.TIMEOUT_S", 0.2)
    silent, began = Event(), time.monotonic()
    door = Outbound(monotonic=time.monotonic, resolve=lambda *_, **__: silent.wait(30))

    with pytest.raises(NotDelivered, match="timed_out"):
        door.post("https://shop.example/hooks", {}, "{}")

    assert time.monotonic() - began < 5
    silent.set()


def test_what_the_lookup_took_is_taken_off_the_time_for_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = []

    def connect(_: tuple[str, int], timeout: float) -> None:
        left.append(timeout)
        raise ConnectionRefusedError

    def resolve(*_: Any, **__: Any) -> list[Any]:
        time.sleep(0.3)
        return [(2, 1, 6, "", ("93.184.215.14", 443))]

    monkeypatch.setattr("payments.doors.outbound.socket.create_connection", connect)
    with pytest.raises(NotDelivered, match="unreachable"):
        Outbound(monotonic=time.monotonic, resolve=resolve).post(
            "https://shop.example/hooks", {}, "{}"
        )

    assert 0 < left[0] < 9.8


class Slow(Outbound):
    """Notes what is sent together; the receivers that it names are slow, and take it."""

    def __init__(self, slow: str) -> None:
        super().__init__(monotonic=time.monotonic, local=True)
        self.slow, self.waves = slow, []

    def post_all(self, letters: Sequence[Letter]) -> list[Outcome]:
        self.waves.append([each.url for each in letters])
        return [Outcome(200, None, slow=self.slow in each.url) for each in letters]


def flood(tenant: str, url: str, receivers: int, events: int) -> None:
    """Write subscriptions of a tenant, and events that are due for each."""
    store, now = runtime.store(), runtime.now()
    for number in range(receivers):
        home = {"tenant": tenant, "id": f"sub_{tenant}{number}", "created_at": now}
        secret = {"tenant": tenant, "subscription": home["id"], "current": "s", "made_for": "x"}
        row = Subscription(**home, url=f"{url}/{tenant}/{number}", types=(PAID,))
        store.create(row, SigningSecret(**secret))
        for event in range(events):
            name = delivery_id(f"evt_{event}", str(home["id"]))
            sent = {"event": f"evt_{event}", "type": PAID, "body": "{}", "ttl": 1}
            store.create(
                Delivery(**{**home, "id": name}, subscription=home["id"], **sent, sweep_at=now)
            )


def test_one_tenants_slow_receivers_come_after_everybody_elses_events(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Slow("/tulips/")
    monkeypatch.setattr(runtime, "outbound", lambda: door)
    runtime.doors.cache_clear()
    flood("tulips", "http://127.0.0.1:1", receivers=20, events=3)
    flood("bakery", "http://127.0.0.1:2", receivers=2, events=5)

    assert send(shop)["delivered"] == 70

    first, *later = door.waves
    assert len([url for url in first if "/tulips/" in url]) == SHARE
    assert len([url for url in first if "/bakery/" in url]) == 2
    # From the second wave on, the bakery's events wait for nobody.
    assert [{url.split("/")[3] for url in wave} for wave in later[:5]] == [
        *[{"bakery"}] * 4,
        {"tulips"},
    ]


def test_one_tenants_backlog_takes_no_other_tenants_place_in_a_run(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Slow("nobody")
    monkeypatch.setattr(runtime, "outbound", lambda: door)
    runtime.doors.cache_clear()
    flood("tulips", "http://127.0.0.1:1", receivers=3, events=200)
    shop.world.advance(seconds=1)
    flood("bakery", "http://127.0.0.1:2", receivers=1, events=2)

    send(shop)

    sent = [url for wave in door.waves for url in wave]
    assert len([url for url in sent if "/bakery/" in url]) == 2
    assert len([url for url in sent if "/tulips/" in url]) > 100


def test_letters_of_one_wave_wait_for_one_another_no_longer_than_the_slowest() -> None:
    silent = Event()
    door = Outbound(monotonic=time.monotonic, resolve=lambda *_, **__: silent.wait(0.5) or [])
    letters = [Letter(f"https://shop{number}.example/hooks", {}, "{}") for number in range(8)]
    began = time.monotonic()

    outcomes = door.post_all(letters)

    assert {each.error for each in outcomes} == {"address_refused"}
    assert time.monotonic() - began < 3
