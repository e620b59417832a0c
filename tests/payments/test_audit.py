"""The audit trail's chains: whatever is changed, dropped or moved is found."""

from datetime import UTC, datetime
from typing import Any

import pytest

from payments.facts import audit
from payments.facts.audit import CHAINS, AuditHead, AuditRecord, Phase, chain_of


def first_break(records: list[AuditRecord], before: AuditHead, after: AuditHead) -> int | None:
    return audit.first_break(records, before, after)[1]


EMPTY = AuditHead(tenant="tulips", chain=3)


def record(number: int) -> AuditRecord:
    return AuditRecord(
        id=f"aud_{number}",
        tenant="tulips",
        at=datetime(2026, 9, 21, 14, 0, number, tzinfo=UTC),
        phase=Phase.INTENT,
        request=f"request-{number}",
        actor="admin@tulips",
        machine=False,
        role="admin",
        profile="admin",
        route="POST /v1/accounts",
    )


def chain(length: int = 5) -> tuple[list[AuditRecord], AuditHead]:
    head, records = EMPTY, []
    for number in range(1, length + 1):
        placed = record(number).after(head)
        records.append(placed)
        head = head.moved_to(placed)
    return records, head


def test_a_chain_as_it_was_written_has_no_break() -> None:
    records, head = chain()

    assert first_break(records, head, head) is None
    assert first_break([], EMPTY, EMPTY) is None


CHANGES: dict[str, Any] = {
    "id": "aud_9",
    "tenant": "bakery",
    "at": datetime(2026, 9, 22, tzinfo=UTC),
    "phase": Phase.OUTCOME,
    "request": "another",
    "actor": "nobody",
    "machine": True,
    "role": "viewer",
    "profile": "viewer",
    "route": "POST /v1/invoices",
    "objects": ("acc_1",),
    "network": "203.0.113.0/24",
    "status": 403,
    "code": "permission_denied",
    "repeats": 3,
    "chain": 4,
    "number": 7,
    "previous": "0" * 64,
    "digest": "0" * 64,
}


@pytest.mark.parametrize("field", CHANGES)
@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_record_that_was_changed_is_found(field: str, number: int) -> None:
    records, head = chain()
    records[number - 1] = records[number - 1].model_copy(update={field: CHANGES[field]})

    assert first_break(records, head, head) in {number, number + 1}


def test_every_field_is_covered_by_the_digest() -> None:
    assert set(CHANGES) == set(AuditRecord.model_fields) - {"version"}


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_record_that_was_changed_and_sealed_again_is_found(number: int) -> None:
    records, head = chain()
    forged = records[number - 1].model_copy(update={"actor": "nobody"})
    records[number - 1] = forged.model_copy(update={"digest": forged.computed()})

    assert first_break(records, head, head) == min(number + 1, 5)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_a_record_that_was_dropped_is_found(number: int) -> None:
    records, head = chain()
    del records[number - 1]

    assert first_break(records, head, head) == number


def test_records_that_changed_places_are_found() -> None:
    records, head = chain()
    records[1], records[2] = records[2], records[1]
    assert first_break(records, head, head) == 2

    renumbered = [
        entry.model_copy(update={"number": place}) for place, entry in enumerate(records, 1)
    ]
    assert first_break(renumbered, head, head) == 2


def test_a_head_that_was_dropped_or_turned_back_is_found() -> None:
    records, head = chain()
    _, earlier = chain(3)

    assert first_break(records, EMPTY, EMPTY) == 6
    assert first_break(records, earlier, earlier) == 6
    assert first_break([], head, head) == 1


def test_records_that_were_appended_while_reading_break_nothing() -> None:
    records, head = chain(5)
    _, before = chain(3)
    _, after = chain(7)

    assert first_break(records, before, head) is None
    assert first_break(records, before, after) is None
    assert first_break(chain(1)[0], EMPTY, chain(1)[1]) is None


def test_the_records_of_a_request_stand_in_one_chain_and_requests_spread_over_all() -> None:
    chains = [chain_of(f"request-{number}") for number in range(200)]

    assert set(chains) == set(range(CHAINS))
    assert chain_of("request-1") == chains[1]
