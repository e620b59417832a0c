"""Every row of docs/faults.md is proven by something that exists; and two rows by tests here."""

import re
from collections.abc import Iterator

import pytest

from tests.functions.shop import Shop
from tests.simulation.beginning import Opening, simulated
from tests.simulation.faults import EVERY
from tests.simulation.flows import FLOWS
from tests.simulation.mutants import MUTANTS
from tests.simulation.world import ALL_LAYERS, KINDS, TENANTS, World

ROWS = 60


@pytest.fixture(scope="module")
def rows(request: pytest.FixtureRequest) -> dict[int, list[str]]:
    """The proofs of each row."""
    text = (request.config.rootpath / "docs/faults.md").read_text()
    found = re.findall(r"^\| (\d+) \| .* \| (.*) \|$", text, re.MULTILINE)
    return {int(number): re.findall(r"`([^`]+)`", proofs) for number, proofs in found}


@pytest.fixture(scope="module")
def known(request: pytest.FixtureRequest) -> set[str]:
    """Every test, world, fault, flow and planted bug that there is."""
    files = (request.config.rootpath / "tests").rglob("test_*.py")
    tests = {name for path in files for name in re.findall(r"def (test_\w+)\(", path.read_text())}
    return tests | {*KINDS, *EVERY, "timed out", *FLOWS, *MUTANTS}


def test_every_fault_has_a_proof(rows: dict[int, list[str]]) -> None:
    assert sorted(rows) == list(range(1, ROWS + 1))
    assert [number for number, proofs in rows.items() if not proofs] == []


def test_every_proof_exists(rows: dict[int, list[str]], known: set[str]) -> None:
    assert {proof for proofs in rows.values() for proof in proofs} - known == set()


def test_every_planted_bug_is_of_some_fault_or_of_no_fault_but_taste(
    rows: dict[int, list[str]],
) -> None:
    named = {proof for proofs in rows.values() for proof in proofs}
    # A key, a log line, a fee, a mail, an account's and a module's name: none befalls a request.
    assert set(MUTANTS) - named == {
        "B2 random_stripe_key",
        "B30 key_in_log",
        "B33 fee_not_posted",
        "B48 platform_fee_forgotten",
        "B49 connected_by_the_platform_alone",
        "B50 mail_sent_again",
        "B62 mails_counted_but_not_limited",
        "B63 stopped_address_written_to",
        "B64 bounce_taken_for_none",
        "B65 bounce_kept_without_stopping",
        "B80 named_module_decides",
    }


@pytest.fixture
def world() -> Iterator[World]:
    with simulated() as (base, _, use):
        made: World = base.world(0, ALL_LAYERS)
        use(made)
        yield made
        made.close()


def shop_of(world: World) -> Shop:
    merchant = world.merchants[TENANTS[0]]
    return Shop(Opening(world), merchant.tenant, merchant.account, {"id": merchant.module})


def test_a_row_that_a_newer_version_wrote_is_understood(world: World) -> None:
    shop = shop_of(world)
    invoice = shop.invoice()
    for item in list(world.table.dynamo.rows.values()):
        world.table.dynamo.place(item | {"of_tomorrow": {"S": "unheard of"}})

    assert shop.charge(invoice).status == 201
    assert shop.read(invoice)["status"] == "paid"


def test_an_inbox_row_that_is_deleted_early_does_not_let_its_event_count_twice(
    world: World,
) -> None:
    shop = shop_of(world)
    invoice = shop.invoice()
    assert shop.charge(invoice).status == 201
    world.scheduler.run_until(world.scheduler.now + 60)
    assert world.cloud.sent
    # As if each had been deleted and Stripe had sent its event once more: kept anew, and pending.
    for key, item in list(world.table.dynamo.rows.items()):
        if key[1] == "EVENT":
            world.table.dynamo.place(item | {"status": {"S": "pending"}})
    for body in list(world.cloud.sent):
        world.cloud.arrive("events", body, 0.0)
    world.scheduler.run_until(world.scheduler.now + 60)

    seen = shop.read(invoice)
    assert (seen["amounts"]["paid"], len(seen["payments"])) == (4000, 1)
