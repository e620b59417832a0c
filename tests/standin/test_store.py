"""The store: what is read is the reader's own, and a transaction that is rolled back was none."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from local.standin.engine.messages import Json
from local.standin.engine.store import LINKS, KeptAnswer, Store

ANSWER = KeptAnswer("print", "/v1/charges", 200, b"{}", "req_1", 5.0)


def charge(ident: str, **more: Any) -> Json:
    return {"id": ident, "object": "charge", "created": 10, "customer": None, **more}


def ids(found: list[Json]) -> list[str]:
    return [each["id"] for each in found]


@pytest.fixture
def store() -> Store:
    """Give one that knows a bit of everything."""
    made = Store()
    made.insert("a", charge("ch_1", customer="cus_1", metadata={"n": "1"}))
    made.insert("a", charge("ch_2", customer="cus_2", created=20))
    made.insert("b", charge("ch_3", customer="cus_1"))
    made.hide("a", "ch_1", secret="kept")
    made.keep_answer("a", "key_1", ANSWER)
    made.add_job(100.0, "expire", "a", "ch_1")
    return made


def test_what_is_handed_out_or_taken_in_is_not_what_is_kept(store: Store) -> None:
    given = charge("ch_4", metadata={"n": "4"})
    store.insert("a", given)
    given["metadata"]["n"] = "changed"
    for read in (
        lambda: store.get("a", "charge", "ch_4"),
        lambda: store.get_any("a", "ch_4"),
        lambda: store.select("a", "charge", limit=1)[0],
    ):
        assert read()["metadata"] == {"n": "4"}
        read()["metadata"]["n"] = "changed"
        assert read()["metadata"] == {"n": "4"}
    store.hidden("a", "ch_1")["secret"] = "changed"
    assert store.hidden("a", "ch_1") == {"secret": "kept"}


def test_an_id_is_one_object_of_one_scope(store: Store) -> None:
    assert store.get("b", "charge", "ch_1") is None
    assert store.get("a", "refund", "ch_1") is None
    assert (store.has("a", "charge", "ch_1"), store.has("b", "charge", "ch_1")) == (True, False)
    assert (store.scope_of("charge", "ch_3"), store.scope_of("refund", "ch_3")) == ("b", None)
    with pytest.raises(ValueError, match="ch_1"):
        store.insert("a", charge("ch_1"))
    store.insert("b", charge("ch_1"))
    assert ids(store.select("b", "charge")) == ["ch_1", "ch_3"]


CHANGES: list[Callable[[Store], None]] = [
    lambda store: store.insert("a", charge("ch_9", customer="cus_1")),
    lambda store: store.update("a", charge("ch_1", customer="cus_2", created=30)),
    lambda store: store.update("a", charge("ch_1", customer=None)),
    lambda store: store.delete("a", "ch_1"),
    lambda store: store.hide("a", "ch_1", more=True),
    lambda store: store.hide("a", "ch_2", more=True),
    lambda store: store.keep_answer("a", "key_1", ANSWER._replace(status=402)),
    lambda store: store.keep_answer("a", "key_2", ANSWER),
    lambda store: store.add_job(50.0, "expire", "a", "ch_2"),
]


def test_nothing_is_left_of_what_is_rolled_back(store: Store) -> None:
    before = store.snapshot()
    for seed in range(200):
        store.begin()
        shuffled = Random(seed).sample(CHANGES, k=len(CHANGES))  # noqa: S311 - no secret
        for change in shuffled:
            change(store)
        assert store.snapshot() != before
        store.rollback()
        after = store.snapshot()
        for kept in ("rows", "seqs", "index", "hidden", "answers", "jobs"):
            assert getattr(after, kept) == getattr(before, kept), seed


def test_what_is_committed_stays(store: Store) -> None:
    store.begin()
    store.delete("a", "ch_1")
    store.commit()
    store.begin()
    store.rollback()

    assert ids(store.select("a", "charge")) == ["ch_2"]


def test_a_transaction_has_none_within_it(store: Store) -> None:
    store.begin()
    with pytest.raises(RuntimeError):
        store.begin()


def test_a_snapshot_comes_back_as_often_as_it_is_asked_for(store: Store) -> None:
    kept, same = store.snapshot(), store.snapshot()
    for _ in range(2):
        for change in CHANGES:
            change(store)
        while store.take_job(1000.0):
            pass
        store.restore(kept)
        assert store.snapshot() == same
    store.reset()
    assert store.select("a", "charge") == []
    assert store.take_job(1000.0) is None


def test_jobs_come_when_they_are_due_and_of_two_the_older_first(store: Store) -> None:
    for number in range(3):
        store.add_job(50.0, "expire", "a", str(number))
    assert store.take_job(49.9) is None
    found = [store.take_job(100.0) for _ in range(5)]
    assert [job and job.argument for job in found] == ["0", "1", "2", "ch_1", None]


def test_jobs_keep_their_order_when_one_of_them_is_withdrawn(store: Store) -> None:
    dues = [float(due) for due in range(64, 0, -1)]
    for due in dues:
        store.add_job(due, "expire", "a", str(due))
    for withdrawn in (0.5, 20.5, 40.5):
        store.begin()
        store.add_job(withdrawn, "expire", "a", "withdrawn")
        store.rollback()

    found = [job.due for _ in range(65) if (job := store.take_job(1000.0))]
    assert found == [*sorted(dues), 100.0]


@pytest.mark.parametrize("changed", LINKS)
def test_a_link_is_found_as_it_is_now(store: Store, changed: str) -> None:
    store.update("a", charge("ch_2", **{changed: "other_1"}))
    assert ids(store.select("a", "charge", [(changed, "=", "other_1")])) == ["ch_2"]
    store.update("a", charge("ch_2", **{changed: {"no": "id"}}))
    assert store.select("a", "charge", [(changed, "=", "other_1")]) == []
    assert store.select("a", "charge", [(changed, "=", None)]) == []


WANTED: dict[str, tuple[list[tuple[str, str, Any]], Callable[[Json], bool]]] = {
    "equal": ([("status", "=", "failed")], lambda o: o["status"] == "failed"),
    "true": ([("paid", "=", True)], lambda o: o["paid"] is True),
    "nothing": ([("note", "=", None)], lambda _: False),
    "is nothing": ([("note", "IS", None)], lambda o: o["note"] is None),
    "is something": ([("note", "IS NOT", None)], lambda o: o["note"] is not None),
    "one of": ([("id", "IN", ["o_3", "o_5", "x"])], lambda o: o["id"] in {"o_3", "o_5"}),
    "below": ([("more.depth", "<", 2)], lambda o: o["more"] is not None and o["more"]["depth"] < 2),
    "since": ([("created", ">=", 5), ("created", "<", 9)], lambda o: 5 <= o["created"] < 9),
    "like": ([("status", "GLOB", "suc*")], lambda o: o["status"] == "succeeded"),
    "two links": (
        [("customer", "=", "cus_1"), ("charge", "=", "ch_0")],
        lambda o: o["customer"] == "cus_1" and o["charge"] == "ch_0",
    ),
}


@pytest.mark.parametrize("name", WANTED)
@pytest.mark.parametrize("ascending", [True, False])
def test_conditions_find_what_meets_them(name: str, *, ascending: bool) -> None:
    random, store = Random(name), Store()  # noqa: S311 - no secret
    made = [
        {
            "id": f"o_{number}", "object": "refund", "created": number // 3,
            "status": random.choice(["succeeded", "failed"]), "paid": random.random() < 0.5,
            "customer": random.choice(["cus_1", "cus_2", None]),
            "charge": random.choice(["ch_0", "ch_1"]), "note": random.choice([None, "x"]),
            "more": random.choice([None, {"depth": 1}, {"depth": 2}]),
        }
        for number in range(60)
    ]  # fmt: skip
    for each in made:
        store.insert("a", each)
    conditions, holds = WANTED[name]
    expected = [each for each in made if holds(each)][:: 1 if ascending else -1]

    assert store.select("a", "refund", conditions, ascending=ascending) == expected
    limited = store.select("a", "refund", conditions, limit=2, ascending=ascending)
    assert limited == expected[:2]
    low, high = (store.seq_of("a", "refund", f"o_{number}") for number in (10, 40))
    between = store.select("a", "refund", conditions, after=low, before=high, ascending=ascending)
    assert between == [each for each in expected if each in made[11:40]]
