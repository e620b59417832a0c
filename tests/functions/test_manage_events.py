"""/v1/audit: who did what, when and from where; whole, and without a secret in it."""

import threading
from collections import Counter
from typing import Any

import pytest

from payments.cases.audit import check_trail
from payments.doors.aws.answers import Refused
from payments.edge import runtime
from payments.edge.batches import RunFailed
from payments.edge.roles import AUDITED, ROUTES
from payments.facts.audit import AuditRecord, Phase
from payments.steps import audit_trail
from tests.doubles.tenants import secret_key
from tests.functions import refusals
from tests.functions.refusals import refuse
from tests.functions.shop import Shop, connection, expect
from tests.functions.world import Died, Json, World

AUDIT = "/v1/audit"


def trail(shop_or_world: Shop | World, tenant: str = "tulips", **query: Any) -> list[Json]:
    """What an administrator reads, oldest first; whole and intact."""
    world = shop_or_world.world if isinstance(shop_or_world, Shop) else shop_or_world
    page = expect(200, world.client(tenant).get(AUDIT, limit=100, **query))
    assert page["trail"]["intact"], page["trail"]
    return list(reversed(page["data"]))


def short(record: Json) -> tuple[Any, ...]:
    return record["phase"], record["route"], record["objects"], record["status"], record["code"]


def test_an_act_is_recorded_before_and_after_with_who_what_when_and_from_where(
    world: World,
) -> None:
    account = expect(201, world.client().post("/v1/accounts", connection("tulips")))

    intent, outcome = trail(world)

    assert short(intent) == ("intent", "POST /v1/accounts", [], None, None)
    assert short(outcome) == ("outcome", "POST /v1/accounts", [account["id"]], 201, None)
    assert outcome["request"] == intent["request"]
    assert {name: outcome[name] for name in ("actor", "machine", "role", "profile", "network")} == {
        "actor": "admin@tulips",
        "machine": False,
        "role": "admin",
        "profile": "admin",
        "network": "203.0.113.0/24",
    }
    assert outcome["at"] == "2026-09-21T14:00:00Z"


def test_an_act_that_is_refused_says_by_which_code(world: World) -> None:
    world.client().put("/v1/profiles/operator/modules/mod_nobody")

    intent, outcome = trail(world)

    named = ["operator", "mod_nobody"]
    route = "PUT /v1/profiles/{id}/modules/{mid}"
    assert short(intent) == ("intent", route, named, None, None)
    assert short(outcome) == ("outcome", route, named, 404, "not_found")


def test_every_act_that_only_an_administrator_may_do_is_recorded_without_being_named() -> None:
    closed = {route for route, roles in ROUTES.items() if roles == frozenset({"admin"})}

    assert {route for route in closed if not route.startswith("GET")} <= AUDITED <= set(ROUTES)


def test_what_staff_does_every_day_leaves_no_record_of_its_own(shop: Shop) -> None:
    before = trail(shop)

    shop.pay(shop.invoice())
    shop.charge(shop.invoice(), payment_method=shop.save_card())

    assert trail(shop) == before


@pytest.mark.parametrize("role", ["operator", "viewer", "storefront"])
def test_a_refusal_of_permission_is_recorded(world: World, role: str) -> None:
    refuse(world, lambda: world.client("tulips", role).post("/v1/accounts", connection("tulips")))

    (record,) = trail(world)

    assert short(record) == ("refusal", "POST /v1/accounts", [], 403, "permission_denied")
    assert (record["role"], record["machine"]) == (role, role == "storefront")


def test_a_profile_without_the_module_is_a_refusal_too(shop: Shop) -> None:
    invoice = shop.invoice()

    refuse(shop.world, lambda: shop.admin.post(f"/v1/invoices/{invoice['id']}/pay-links", {}))

    *_, record = trail(shop, object=invoice["id"])
    assert short(record)[0] == "refusal"
    assert (record["status"], record["code"]) == (403, "permission_denied")


def test_a_token_of_a_known_tenant_without_a_role_is_recorded_and_a_stranger_is_not(
    world: World,
) -> None:
    for claims in (
        {"tenant": "tulips", "role": "own\ner" * 90, "profile": "x#y", "sub": "eve"},
        {"tenant": "tulips#AUD#0", "role": "admin", "sub": "eve"},
        {"client_id": "nobody", "sub": "nobody"},
        {},
    ):
        refuse(world, lambda claims=claims: refusals.Client(world, claims).get("/v1/accounts"))

    (record,) = trail(world)

    assert short(record) == ("refusal", "GET /v1/accounts", [], 401, "unauthenticated")
    assert (record["role"], record["profile"], record["actor"]) == ("unknown", "unreadable", "eve")
    assert {key[0].split("#")[1] for key in world.rows() if "#AUD#" in key[0]} == {"tulips"}


def test_neither_keys_nor_bodies_are_in_the_trail(world: World) -> None:
    key = secret_key("tulips")
    world.client().post("/v1/accounts", connection("tulips"))
    world.client().post("/v1/accounts", connection("tulips", secret_key="sk_test_bad"))
    world.client("tulips", "viewer").post(f"/v1/accounts/{key}/verify")
    world.client("tulips", "viewer").post("/v1/accounts/a%20b%0A/verify")

    text = str([row for place, row in world.rows().items() if "#AUD#" in place[0]])

    assert "POST /v1/accounts/{id}/verify" in text
    assert "unreadable" in text
    assert not [word for word in (key, "sk_test", "pk_test", "whsec", "ar@shop") if word in text]


@pytest.mark.parametrize("ref", ["SK_1001", "pk_7", "rk_testing", "Whsec"])
def test_a_name_that_only_begins_like_a_key_is_told_and_found(showroom: Shop, ref: str) -> None:
    showroom.customer(ref)
    expect(200, showroom.admin.post(f"/v1/customers/{ref}/erase"))

    found = trail(showroom, object=ref)

    assert [record["phase"] for record in found] == ["intent", "outcome"]


def test_a_record_that_is_changed_dropped_or_moved_is_found(shop: Shop) -> None:
    world = shop.world
    rows = {key: row for key, row in world.rows().items() if "RECORD#" in key[1]}
    assert len(rows) > 8

    for key, row in rows.items():
        before = dict(world.dynamo.rows)
        world.dynamo.place(row | {"actor": {"S": "somebody else"}})
        assert not verdict(world)["intact"], key
        world.dynamo.load({place: kept for place, kept in before.items() if place != key})
        assert verdict(world)["breaks"] == [
            {"chain": int(row["chain"]["N"]), "number": int(row["number"]["N"])}
        ]
        world.dynamo.load(before)
    longest = max((key[0] for key in rows), key=lambda pk: sum(place[0] == pk for place in rows))
    first, second = sorted(key for key in rows if key[0] == longest)[:2]
    for here, there in ((first, second), (second, first)):
        world.dynamo.place(rows[here] | {"sk": {"S": there[1]}})
    assert not verdict(world)["intact"]


def verdict(world: World) -> Json:
    return dict(expect(200, world.client().get(AUDIT))["trail"])


def test_a_crash_between_leaves_the_intent(world: World) -> None:
    shop = Shop.open(world, "tulips")
    path = f"/v1/payment-modules/{shop.module['id']}/state"
    world.gate.arm(None)
    shop.admin.post(path, {"state": "off"})
    steps = len(world.gate.passed)

    for step in range(steps):
        for moment in ("before", "after"):
            known = len(trail(world))
            world.gate.arm(step, moment)
            with pytest.raises(Died):
                shop.admin.post(path, {"state": "sandbox"})
            world.gate.arm(None)
            added = [record["phase"] for record in trail(world)[known:]]
            module = expect(200, shop.admin.get(f"/v1/payment-modules/{shop.module['id']}"))
            assert added in ([], ["intent"], ["intent", "outcome"])
            if module["state"] == "sandbox":
                assert added, (step, moment)
            shop.admin.post(path, {"state": "off"})


def test_nothing_is_done_that_cannot_be_recorded(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"name": "More", "account": shop.account["id"]}
    monkeypatch.setattr(audit_trail, "TRIES", 0)

    refused = refuse(shop.world, lambda: shop.admin.post("/v1/payment-modules", body))

    assert refused == (503, "too_much_contention")


def test_a_refusal_stands_even_where_it_cannot_be_recorded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_trail, "TRIES", 0)

    refused = refuse(world, lambda: world.client("tulips", "viewer").post("/v1/accounts", {}))

    assert refused == (403, "permission_denied")
    assert "not_audited" in world.log.getvalue()


def test_fifty_acts_at_the_same_moment_break_no_chain(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, lock, lost = shop.world, threading.Lock(), []
    put = world.dynamo.transact_write_items

    def contended(**asked: Any) -> None:
        # Whoever has read waits, so that others have read the same.
        threading.Event().wait(0.05)
        try:
            with lock:
                put(**asked)
        except Refused:
            lost.append(1)
            raise

    monkeypatch.setattr(world.dynamo, "transact_write_items", contended)
    doors, errors = runtime.doors(), []
    known = trail(world)
    sample = next(iter(doors.store.page(AuditRecord, "tulips", limit=1, cursor=None)[0]))

    def act(number: int) -> None:
        for phase in (Phase.INTENT, Phase.OUTCOME):
            asked = {"id": doors.new_id("aud"), "request": f"r-{number}", "phase": phase}
            try:
                audit_trail.append(sample.model_copy(update=asked), doors)
            except Exception as error:  # noqa: BLE001 - told below, in the test's own thread
                errors.append(error)

    threads = [threading.Thread(target=act, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert len(lost) > 10
    page = expect(200, shop.admin.get(AUDIT))["trail"]
    assert (page["intact"], page["records"]) == (True, len(known) + 100)
    assert (page["breaks"], page["unchecked"]) == ([], 0)


def test_the_trail_is_found_by_object_actor_and_time(shop: Shop) -> None:
    world, module = shop.world, shop.module["id"]
    path = f"/v1/payment-modules/{module}/state"
    world.advance(days=1)
    expect(200, shop.admin.post(path, {"state": "off"}))
    world.client("tulips", "viewer").post(path, {"state": "sandbox"})

    routes = {record["route"] for record in trail(shop, object=module)}
    assert routes == {
        "POST /v1/payment-modules",
        "POST /v1/payment-modules/{id}/state",
        "PUT /v1/profiles/{id}/modules/{mid}",
    }
    assert [short(record)[0] for record in trail(shop, actor="viewer@tulips")] == ["refusal"]
    assert trail(shop, actor="nobody") == []


def test_the_trail_is_read_in_pages_that_leave_nothing_out(shop: Shop) -> None:
    everything = [record["id"] for record in reversed(trail(shop))]
    seen, cursor = [], None
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = expect(200, shop.admin.get(AUDIT, **query))
        assert (page["trail"] is None) == bool(cursor)
        seen += [record["id"] for record in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == everything


def test_from_and_to_narrow_the_trail(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = shop.world.now
    monkeypatch.setattr(runtime.time, "time_ns", lambda: int(clock().timestamp()) * 10**9)
    shop.world.advance(days=3650)
    first = shop.world.now().isoformat()
    shop.admin.post(f"/v1/payment-modules/{shop.module['id']}/state", {"state": "off"})
    shop.world.advance(days=2)
    second = shop.world.now().isoformat()
    shop.admin.post(f"/v1/payment-modules/{shop.module['id']}/state", {"state": "sandbox"})

    assert len(trail(shop, **{"from": first})) == 4
    assert len(trail(shop, **{"from": second})) == 2
    assert len(trail(shop, **{"from": first, "to": second})) == 2
    assert trail(shop, to="1969-12-31T00:00:00Z") == []


def test_another_tenants_trail_is_its_own(shop: Shop) -> None:
    assert trail(shop)
    assert trail(shop, "bakery") == []


def write(world: World, records: int, request: str = "r") -> None:
    """Append records to one chain of the tulips' trail."""
    doors = runtime.doors()
    if not trail(world):
        expect(201, world.client().post("/v1/accounts", connection("tulips")))
    (sample,) = doors.store.page(AuditRecord, "tulips", limit=1, cursor=None)[0]
    for _ in range(records):
        asked = {"id": doors.new_id("aud"), "request": request, "phase": Phase.INTENT}
        audit_trail.append(sample.model_copy(update=asked), doors)


def check(world: World) -> Json:
    world.advance(hours=1)
    return dict(world.run("run_schedules", {"job": "audit"}))


def reads(world: World) -> int:
    """How often the table is asked for the first page of the trail."""
    world.gate.arm(None)
    verdict(world)
    return len(world.gate.passed)


def test_a_long_trail_answers_as_fast_as_a_short_one(world: World) -> None:
    write(world, 150)
    check(world)
    short = reads(world)
    write(world, 700)
    long = reads(world)
    check(world)

    assert reads(world) == short
    # What the schedule has not looked at yet is checked in part: three more pages, and no more.
    assert long <= short + 3
    assert verdict(world)["records"] == 852


def test_what_is_not_checked_for_the_answer_is_told_and_the_schedule_checks_it(
    world: World,
) -> None:
    write(world, 300)
    # The two records of the connection may stand in the same chain.
    chains = Counter(pk for pk, sk in world.rows() if sk.startswith("RECORD#"))
    before = verdict(world)
    done = check(world)
    after = verdict(world)

    assert (before["unchecked"], before["whole_at"]) == (max(chains.values()) - 125, None)
    assert (after["unchecked"], after["whole_at"]) == (0, "2026-09-21T15:00:00Z")
    assert done["records"] >= 302
    assert check(world)["chains"] == 0


def test_a_record_that_is_changed_long_after_it_was_checked_is_found_within_a_week(
    world: World,
) -> None:
    write(world, 30)
    check(world)
    key = next(key for key in world.rows() if key[1] == f"RECORD#{7:012}")
    whole = world.rows()[key]
    world.dynamo.place(whole | {"actor": {"S": "somebody else"}})
    assert check(world)["chains"] == 0

    world.advance(days=7)
    with pytest.raises(RunFailed, match="TrailBroken"):
        check(world)

    assert [found["number"] for found in verdict(world)["breaks"]] == [7]
    write_on = len(world.rows())
    world.dynamo.place(whole)
    world.advance(days=7)
    check(world)
    assert verdict(world)["intact"]
    assert len(world.rows()) == write_on


def test_a_walk_that_runs_out_of_time_goes_on_where_it_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_trail, "AT_ONCE", 10)
    write(world, 60)
    world.advance(hours=1)
    left = iter([60] * 9 + [1] * 90)
    monkeypatch.setattr(runtime, "time_left", lambda: next(left))
    runtime.doors.cache_clear()
    first = dict(world.run("run_schedules", {"job": "audit"}))
    monkeypatch.setattr(runtime, "time_left", lambda: 60)
    runtime.doors.cache_clear()
    second = check(world)

    assert 0 < first["records"] < 124
    assert second["records"] > 0
    shown = verdict(world)
    assert (shown["unchecked"], bool(shown["whole_at"]), shown["intact"]) == (0, True, True)


def refused(world: World, times: int, role: str = "viewer") -> None:
    for _ in range(times):
        refuse(world, lambda: world.client("tulips", role).post("/v1/accounts", {}))


def test_refusals_of_one_subject_are_one_record_a_minute_and_a_number(world: World) -> None:
    refused(world, 40)
    refused(world, 2, "operator")
    first = trail(world)
    rows = len(world.rows())
    refused(world, 20)

    assert [(record["actor"], record["repeats"]) for record in first] == [
        ("viewer@tulips", None),
        ("operator@tulips", None),
    ]
    assert (trail(world), len(world.rows())) == (first, rows)
    world.advance(minutes=1)
    refused(world, 1)
    assert trail(world)[-1]["repeats"] == 59


def test_refusals_that_no_other_follows_are_told_of_by_the_schedule(world: World) -> None:
    refused(world, 11)

    assert check(world)["told"] == 1
    *_, last = trail(world)
    assert (last["phase"], last["repeats"], last["at"]) == ("refusal", 10, "2026-09-21T14:00:00Z")
    assert check(world)["told"] == 0
    assert len(trail(world)) == 2
