"""What is signed and is no event is refused; and a row that cannot be read ends no run."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from payments.doors.keys import stamp
from payments.doors.rows.addresses import NAMES
from payments.doors.rows.lists import ASIDE_FOR
from payments.doors.table import to_attributes
from payments.facts.account import Account
from payments.facts.attempt import Attempt
from payments.facts.customer import SavedMethod
from payments.facts.dispute import Dispute
from payments.facts.event import InboxEvent
from payments.facts.notification import Notification
from payments.facts.recovery import Recovery
from payments.facts.refund import Refund
from payments.facts.subscription import Delivery
from tests.functions.shop import Shop
from tests.functions.signing import a_body, deliver
from tests.functions.world import World

TWISTED: dict[str, Any] = {
    "nothing": None, "a number": 7, "a fraction": 1.5, "a list": ["evt_1"], "an object": {"a": 1},
    "true": True, "no text": "", "too long": "e" * 3000, "a space": "evt 1", "a hash": "evt#1",
    "a colon": "evt:1", "a way up": "../evt_1", "a null byte": "evt\x00",
    "half a character": "\ud800", "another script": "évt_1", "a line break": "evt_1\n",
}  # fmt: skip
#: Where a twisted value is none: an object may have no id, and an event no account.
FINE = {
    ("object id", "nothing"), ("object id", "no text"), ("account", "nothing"),
    ("account", "no text"), ("livemode", "true"),
}  # fmt: skip


def changed(**changes: Any) -> bytes:
    return json.dumps(json.loads(a_body()) | changes).encode()


def twisted() -> Iterator[tuple[str, bytes]]:
    """Events with one field of another type or length, and bodies that are none at all."""
    for name, value in TWISTED.items():
        for field in ("id", "type", "livemode", "account"):
            if (field, name) not in FINE:
                yield f"{field} is {name}", changed(**{field: value})
        if ("object id", name) not in FINE:
            yield f"object id is {name}", changed(data={"object": {"id": value}})
        if name != "an object":
            yield f"object is {name}", changed(data={"object": value})
            yield f"data is {name}", changed(data=value)
    for field in ("id", "type", "livemode", "data"):
        event = json.loads(a_body())
        del event[field]
        yield f"no {field}", json.dumps(event).encode()
    for name, body in {
        "nothing": b"", "no JSON": b"{", "a list": b"[]", "a text": b'"evt_1"', "a number": b"7",
        "null": b"null", "deep": b"[" * 100_000, "deep inside": b'{"data":' + b'{"a":' * 50_000,
        "a long number": b'{"id": ' + b"9" * 5000 + b"}", "no text": b"\xff\xfe\x00",
        "half a character": b'{"id": "\xed\xa0\x80"}',
    }.items():  # fmt: skip
        yield f"body is {name}", body


EVENTS = dict(twisted())


def test_of_malformed_but_signed_events_none_is_kept_and_none_ends_in_5xx(shop: Shop) -> None:
    before = shop.world.facts()
    ended = {}
    for name, body in EVENTS.items():
        try:
            body.decode()
        except UnicodeDecodeError:
            continue
        ended[name] = deliver(shop, body).status

    assert len(ended) > 90
    assert {name: status for name, status in ended.items() if status != 400} == {}
    assert shop.world.facts() == before
    assert list(shop.world.messages("events")) == []


def test_an_event_without_an_objects_id_or_an_account_is_one(shop: Shop) -> None:
    for data in ({"object": {"object": "balance"}}, {"object": {"id": None}}):
        assert deliver(shop, a_body(type="balance.available", data=data)).status == 200


#: Every list of due work, and what works it off.
LISTS: dict[type[Any], Callable[[World], Any]] = {
    Attempt: lambda world: world.run("sweep_attempts", {}),
    Refund: lambda world: world.run("sweep_attempts", {}),
    Dispute: lambda world: world.run("sweep_attempts", {}),
    InboxEvent: lambda world: world.run("sweep_attempts", {}),
    Recovery: lambda world: world.run("run_schedules", {"job": "recovery"}),
    SavedMethod: lambda world: world.run("run_schedules", {"job": "expiring_cards"}),
    Notification: lambda world: world.run("send_notifications", {}),
    Delivery: lambda world: world.run("deliver_events", {}),
    Account: lambda world: world.run("check_accounts", {}),
}
BROKEN: dict[str, dict[str, Any]] = {
    "of another type": {"tenant": {"L": []}},
    "of a type that nothing here writes": {"tenant": {"B": b"x"}},
    "no whole number": {"amount": {"N": "1.5"}, "tenant": {"NULL": True}},
    "without a version": {"version": None, "tenant": {"NULL": True}},
}


def place(world: World, kind: type[Any], broken: str) -> list[tuple[str, str]]:
    """Put a row that cannot be read into each shard of a list, due before all others."""
    placed, due = [], stamp(world.now() - timedelta(days=1))
    for shard in range(8):
        row = to_attributes({
            "pk": f"T#broken#X#{shard}", "sk": f"{NAMES[kind].upper()}#{shard}",
            "version": 1,
            "due_shard": f"DUE#{NAMES[kind]}#{shard}", "due_at": due, "id": f"x_{shard}",
        })  # fmt: skip
        left = {name: value for name, value in (row | BROKEN[broken]).items() if value}
        world.dynamo.place(left)
        placed.append((row["pk"]["S"], row["sk"]["S"]))
    return placed


def told(world: World) -> int:
    """How often the log names a row that was put aside."""
    return world.log.getvalue().count("T#broken#X#")


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("kind", LISTS, ids=lambda kind: NAMES[kind])
def test_what_cannot_be_read_is_put_aside_counted_and_ends_no_run(
    world: World, kind: type[Any], broken: str
) -> None:
    placed = place(world, kind, broken)

    LISTS[kind](world)

    assert told(world) == 8
    until = stamp(world.now() + ASIDE_FOR)
    assert {world.rows()[key]["due_at"]["S"] for key in placed} == {until}
    LISTS[kind](world)
    assert told(world) == 8
    world.advance(hours=2)
    LISTS[kind](world)
    assert told(world) == 16


def test_beside_what_cannot_be_read_everything_else_is_done(shop: Shop) -> None:
    for kind in LISTS:
        place(shop.world, kind, "of another type")
    shop.pay(shop.invoice())
    assert deliver(shop, a_body(data={"object": {"id": "pi_gone"}})).status == 200
    list(shop.world.messages("events"))
    shop.world.advance(hours=25)

    swept = shop.world.run("sweep_attempts", {})

    assert swept["attempts"] == 1
    assert swept["events"] == 1
    assert shop.world.booked() == [4000]


def test_an_accounts_list_and_a_nights_books_go_on_too(shop: Shop) -> None:
    place(shop.world, Account, "of another type")

    assert shop.world.run("reconcile_accounts", {}) == {"queued": 1, "put_aside": 8}
    assert shop.world.run("reconcile_accounts", {"job": "backfill"})["queued"] == 1
    assert shop.world.run("run_schedules", {"job": "books"})["closed"] == 1


def test_an_invoice_that_cannot_be_read_ends_no_sweep(shop: Shop) -> None:
    first, second = shop.invoice(), shop.invoice()
    shop.pay(first)
    shop.pay(second)
    (key,) = [key for key in shop.world.rows() if key[1] == "INVOICE" and first["id"] in key[0]]
    shop.world.dynamo.place(shop.world.rows()[key] | {"currency": {"L": []}})
    shop.world.advance(hours=25)

    swept = shop.world.run("sweep_attempts", {})

    assert (swept["attempts"], swept["left"]) == (1, 1)
    assert shop.world.booked() == [4000]
