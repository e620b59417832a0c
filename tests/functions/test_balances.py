"""The books are closed each night: what was summed up once is not read again, and is checked."""

from datetime import UTC, datetime

import pytest

from payments.doors.table import from_attributes, to_attributes
from payments.edge import runtime
from payments.edge.batches import RunFailed
from payments.facts import balances
from tests.functions.shop import Shop, expect
from tests.functions.test_settling import record
from tests.functions.world import Json, World

Sums = dict[str, int]


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop.open(world, "tulips")


def night(shop: Shop) -> Json:
    """Go on to the next day, at half past one, and let the schedule run."""
    now = shop.world.now()
    shop.world.advance(hours=24 - now.hour + 1, minutes=30 - now.minute)
    return dict(shop.world.run("run_schedules", {"job": "books"}))


def summed(shop: Shop, **query: str) -> Sums:
    found = expect(200, shop.admin.get("/v1/ledger/trial-balance", **query))
    assert found["balanced"], found
    return {entry["account"]: entry["balance"] for entry in found["data"]} | {
        "entries": found["entries"]
    }


def tear_out(shop: Shop) -> int:
    """Take the journal out of the table, and say how many entries it had."""
    rows = shop.world.dynamo.rows
    entries = [key for key in rows if key[1].startswith("JOURNAL#")]
    for key in entries:
        del rows[key]
    return len(entries)


def parts(shop: Shop) -> list[tuple[str, str]]:
    return sorted(key for key in shop.world.dynamo.rows if key[1].startswith("PART#"))


def falsify(shop: Shop, account: str) -> None:
    """Change one kept balance where nobody should."""
    for key in parts(shop):
        row = from_attributes(shop.world.dynamo.rows[key])
        if account in row["balances"]:
            row["balances"][account] += 1
            shop.world.dynamo.rows[key] = to_attributes(row)
            return
    pytest.fail(f"{account} is kept nowhere.")


def test_what_was_closed_is_not_read_again(shop: Shop) -> None:
    shop.pay(shop.invoice())
    shop.world.deliver()
    before = summed(shop)
    assert night(shop) == {"closed": 1, "checked": 0}

    assert tear_out(shop) == before["entries"]

    assert summed(shop) == before
    shop.invoice()
    assert summed(shop)["ar:c-1"] == before["ar:c-1"] + 4000
    assert summed(shop)["entries"] == before["entries"] + 1


def test_each_night_goes_on_from_the_one_before(shop: Shop) -> None:
    for number in range(1, 4):
        shop.invoice()
        assert night(shop)["closed"] == 1
        assert summed(shop)["ar:c-1"] == 4000 * number
    assert summed(shop)["entries"] == 3


def test_the_books_are_closed_once_a_day(shop: Shop) -> None:
    shop.invoice()
    night(shop)

    again = shop.world.run("run_schedules", {"job": "books"})

    assert again == {"closed": 0, "checked": 1}
    assert len(parts(shop)) == 1


def test_a_fact_of_before_midnight_that_is_heard_of_after_it_counts(shop: Shop) -> None:
    invoice = shop.invoice()
    paid_at = shop.world.now().isoformat()
    shop.world.advance(minutes=1)
    night(shop)

    expect(201, record(shop, invoice, 4000, received_at=paid_at))

    assert (summed(shop)["ar:c-1"], summed(shop)["bank"]) == (0, 4000)
    assert summed(shop, until=paid_at)["bank"] == 4000
    night(shop)
    assert (summed(shop)["ar:c-1"], summed(shop)["bank"]) == (0, 4000)


def test_a_moment_before_the_last_night_is_summed_from_an_earlier_one(shop: Shop) -> None:
    shop.invoice()
    first = shop.world.now().isoformat()
    night(shop)
    shop.invoice()
    second = shop.world.now().isoformat()
    night(shop)
    shop.invoice()

    assert [summed(shop, until=at)["ar:c-1"] for at in (first, second)] == [4000, 8000]
    assert summed(shop)["ar:c-1"] == 12000


def test_a_balance_that_the_journal_does_not_come_to_is_seen_and_counted_anew(shop: Shop) -> None:
    shop.invoice()
    night(shop)
    falsify(shop, "ar:c-1 eur")
    assert shop.admin.get("/v1/ledger/trial-balance").json["balanced"] is False

    with pytest.raises(RunFailed, match="BooksBroken"):
        night(shop)

    assert summed(shop) == {"ar:c-1": 4000, "sales_control": -4000, "entries": 1}
    assert night(shop)["closed"] == 1


def test_what_was_built_on_a_wrong_balance_is_thrown_away_too(shop: Shop) -> None:
    for _ in range(3):
        shop.invoice()
        night(shop)
    kept = runtime.store().closings("tulips").done
    oldest = shop.world.dynamo.rows[next(key for key in parts(shop) if kept[0].id in key[0])]
    row = from_attributes(oldest)
    row["balances"] = {name: 2 * balance for name, balance in row["balances"].items()}
    shop.world.dynamo.rows[row["pk"], row["sk"]] = to_attributes(row)

    failed = 0
    for _ in range(4):
        try:
            night(shop)
        except RunFailed:
            failed += 1

    assert failed == 1
    assert not set(kept) & set(runtime.store().closings("tulips").done)
    assert summed(shop, until=kept[0].until.isoformat())["ar:c-1"] == 4000


def test_balances_that_are_gone_are_never_taken_for_nothing(shop: Shop) -> None:
    shop.invoice()
    night(shop)
    (part,) = parts(shop)
    del shop.world.dynamo.rows[part]

    assert shop.admin.get("/v1/ledger/trial-balance").status == 500
    with pytest.raises(RunFailed, match="BooksBroken"):
        night(shop)

    assert summed(shop)["ar:c-1"] == 4000


def test_many_accounts_stand_in_several_rows(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balances, "ACCOUNTS_MAX", 2)
    shop.customer("c-2")
    for customer in ("c-1", "c-2"):
        shop.pay(shop.invoice(customer=customer))
    shop.world.deliver()
    before = summed(shop)
    night(shop)
    tear_out(shop)

    assert len(parts(shop)) == 3
    assert summed(shop) == before


def test_no_tenant_sums_what_is_anothers(shop: Shop) -> None:
    shop.invoice()
    Shop.open(shop.world, "bakery")
    night(shop)

    found = expect(200, shop.world.client("bakery").get("/v1/ledger/trial-balance"))

    assert (found["entries"], found["data"]) == (0, [])


def test_the_books_of_who_has_disconnected_every_account_are_closed_all_the_same(
    shop: Shop,
) -> None:
    shop.invoice()
    night(shop)
    expect(200, shop.admin.post(f"/v1/accounts/{shop.account['id']}/disconnect"))
    expect(201, record(shop, shop.invoice(), 4000))

    assert night(shop)["closed"] == 1

    before = summed(shop)
    tear_out(shop)
    assert summed(shop) == before


def test_old_nights_make_room_but_for_the_first_of_each_month(shop: Shop) -> None:
    shop.invoice()
    for _ in range(60):
        night(shop)
    kept = [each.until for each in runtime.store().closings("tulips").done]

    assert kept[0] == datetime(2026, 10, 1, tzinfo=UTC)
    assert len(kept) < 45
    rows = shop.world.dynamo.rows
    lasting = [key for key in parts(shop) if "ttl" not in rows[key]]
    assert len(lasting) == sum(until.day == 1 for until in kept)
