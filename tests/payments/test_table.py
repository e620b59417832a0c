"""The door to DynamoDB: what counts as written, what as changed, and what is tried again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.doors.aws.answers import Refused
from payments.doors.table import (
    LEFTOVER_TRIES,
    PAGES_MAX,
    TRANSACTION_TRIES,
    Contended,
    Put,
    Row,
    RowChanged,
    Table,
    from_attributes,
    to_attributes,
)
from payments.errors import AwsUnavailable
from tests.doubles.dynamo import Dynamo

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def row(name: str = "a", sort: str = "s", **fields: Any) -> Row:
    return {"pk": name, "sk": sort, "version": 1, **fields}


def listed(number: int, **fields: Any) -> Row:
    return row(f"p{number}", list_key="L", list_sort=f"{number:03}", **fields)


def refused(code: str, *reasons: str) -> Refused:
    return Refused(code, answer={"CancellationReasons": [{"Code": reason} for reason in reasons]})


def canceled(*reasons: str) -> Refused:
    return refused("TransactionCanceledException", *reasons)


class Client:
    """Answers each call with the next of `answers`; an error is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.calls = list(answers), []

    def _next(self, **request: Any) -> Any:
        self.calls.append(request)
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    transact_write_items = put_item = query = batch_get_item = _next


def stubbed(*answers: Any) -> tuple[Table, Client, list[float]]:
    client, waits = Client(*answers), []
    return Table(client, "t", sleep=waits.append, jitter=lambda: 0.5), client, waits


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_what_is_written_is_what_is_read(fields: Row) -> None:
    assert from_attributes(to_attributes(fields)) == fields


@given(JSON)
def test_a_truth_value_never_turns_into_a_number(value: Any) -> None:
    (attribute,) = to_attributes({"x": value}).values()

    assert ("N" in attribute) is (isinstance(value, int) and not isinstance(value, bool))


@pytest.mark.parametrize("value", [1.0, float("nan"), {"deep": [0.1]}, b"bytes", {1, 2}])
def test_a_float_never_reaches_the_table(value: Any, table: Table) -> None:
    with pytest.raises(TypeError, match="Bug!"):
        table.put(row(value=value))


def test_a_row_that_is_not_there_reads_as_none(table: Table) -> None:
    assert table.get("nobody", "here") is None


def test_a_new_row_is_put_only_where_there_is_none(table: Table) -> None:
    table.put(row(colour="red"))

    with pytest.raises(RowChanged):
        table.put(row(colour="blue"))
    assert table.get("a", "s") == row(colour="red")


def test_a_row_is_replaced_only_at_the_version_that_was_seen(table: Table) -> None:
    table.put(row())
    table.put(row(version=2), seen=1)

    with pytest.raises(RowChanged):
        table.put(row(version=2, colour="blue"), seen=1)
    assert table.get("a", "s") == row(version=2)


def test_a_change_to_a_row_that_is_gone_is_refused(table: Table) -> None:
    with pytest.raises(RowChanged):
        table.put(row(version=2), seen=1)
    assert table.get("a", "s") is None


@pytest.mark.parametrize("seen", [None, 1])
def test_a_put_whose_answer_was_lost_meets_its_own_row_as_written(
    seen: int | None, table: Table
) -> None:
    if seen:
        table.put(row())
    mine = row(version=2, lines=[{"amount": 1, "note": None}])
    table.put(mine, seen=seen)

    table.put(mine, seen=seen)

    assert table.get("a", "s") == mine


def test_an_error_of_the_table_is_not_taken_for_a_change() -> None:
    table, _, _ = stubbed(refused("ProvisionedThroughputExceededException"))

    with pytest.raises(AwsUnavailable):
        table.put(row())


def test_a_transaction_writes_all_rows(table: Table) -> None:
    table.put(row("a"))

    table.transact(Put(row("a", version=2), seen=1), Put(row("b")))

    assert table.get("a", "s") == row("a", version=2)
    assert table.get("b", "s") == row("b")


def test_a_transaction_with_one_changed_row_writes_none(table: Table) -> None:
    table.put(row("b"))

    with pytest.raises(RowChanged) as changed:
        table.transact(Put(row("a")), Put(row("b", colour="blue")), Put(row("c"), seen=7))
    assert changed.value.rows == (1, 2)
    assert [table.get(name, "s") for name in "abc"] == [None, row("b"), None]


@pytest.mark.parametrize(
    "passing",
    [
        canceled("None", "TransactionConflict"),
        canceled("ThrottlingError", "None"),
        canceled("ProvisionedThroughputExceeded"),
        refused("TransactionInProgressException"),
    ],
)
def test_a_conflict_is_tried_again_after_a_growing_pause(passing: Refused) -> None:
    table, client, waits = stubbed(passing, passing, {})

    table.transact(Put(row("a")), Put(row("b")))

    assert len(client.calls) == 3
    assert waits == [pytest.approx(0.05), pytest.approx(0.1)]


def test_rows_that_stay_busy_are_given_up_after_a_few_tries() -> None:
    table, client, _ = stubbed(*[canceled("TransactionConflict")] * 9)

    with pytest.raises(Contended):
        table.transact(Put(row("a")), Put(row("b")))
    assert len(client.calls) == TRANSACTION_TRIES


def test_a_changed_row_beside_a_conflict_is_not_tried_again() -> None:
    table, client, _ = stubbed(canceled("TransactionConflict", "ConditionalCheckFailed"))

    with pytest.raises(RowChanged) as changed:
        table.transact(Put(row("a")), Put(row("b")))
    assert changed.value.rows == (1,)
    assert len(client.calls) == 1


@pytest.mark.parametrize(
    "error",
    [canceled("ValidationError"), canceled("ItemCollectionSizeLimitExceeded"), refused("Other")],
)
def test_a_refusal_that_cannot_pass_is_neither_tried_again_nor_renamed(error: Refused) -> None:
    table, client, _ = stubbed(error)

    with pytest.raises(Refused) as raised:
        table.transact(Put(row("a")), Put(row("b")))
    assert raised.value is error
    assert len(client.calls) == 1


def test_a_partition_is_read_in_order_and_only_from_its_prefix(table: Table) -> None:
    for sort in ("CARD#2", "CUSTOMER", "CARD#1"):
        table.put(row(sort=sort))
    table.put(row("other", sort="CARD#3"))

    assert [found["sk"] for found in table.query("a")] == ["CARD#1", "CARD#2", "CUSTOMER"]
    assert [found["sk"] for found in table.query("a", "CARD#")] == ["CARD#1", "CARD#2"]


def test_a_partition_of_many_pages_is_read_to_its_end() -> None:
    pages = [
        {"Items": [to_attributes(row(sort="1"))], "LastEvaluatedKey": {"at": "1"}},
        {"Items": [], "LastEvaluatedKey": {"at": "2"}},
        {"Items": [to_attributes(row(sort="2"))]},
    ]
    table, client, _ = stubbed(*pages)

    assert [found["sk"] for found in table.query("a")] == ["1", "2"]
    starts = [call.get("ExclusiveStartKey") for call in client.calls]
    assert starts[-1] == {"at": "2"}


def test_a_limit_is_of_rows_and_not_of_each_page(table: Table) -> None:
    for number in range(5):
        table.put(row(sort=str(number)))

    assert [found["sk"] for found in table.query("a", limit=3)] == ["0", "1", "2"]
    assert len(list(table.query("a", limit=9))) == 5


def test_a_limit_that_a_short_page_did_not_reach_is_filled_from_the_next() -> None:
    pages = [
        {"Items": [to_attributes(row(sort=sort)) for sort in sorts], "LastEvaluatedKey": {"at": 1}}
        for sorts in ("12", "34", "56")
    ]
    table, client, _ = stubbed(*pages)

    assert [found["sk"] for found in table.query("a", limit=3)] == ["1", "2", "3"]
    assert len(client.calls) == 2


def test_every_read_of_a_row_is_consistent() -> None:
    item = {"Items": []}
    table, client, _ = stubbed(item, {"Responses": {}})

    list(table.query("a"))
    table.get_many([("a", "s")])

    assert client.calls[0]["ConsistentRead"] is True
    assert client.calls[1]["RequestItems"]["t"]["ConsistentRead"] is True


def test_many_rows_come_in_the_order_of_their_keys_and_none_twice(table: Table) -> None:
    names = [f"n{number:03}" for number in range(130)]
    for name in names:
        table.put(row(name))

    found = table.get_many([(name, "s") for name in [*reversed(names), "nobody"]])

    assert [entry["pk"] for entry in found] == list(reversed(names))


def test_keys_that_were_not_processed_are_asked_for_again() -> None:
    left = {"t": {"Keys": [to_attributes({"pk": "b", "sk": "s"})]}}
    table, client, _ = stubbed(
        {"Responses": {"t": [to_attributes(row("a"))]}, "UnprocessedKeys": left},
        {"Responses": {"t": [to_attributes(row("b"))]}},
    )

    found = table.get_many([("a", "s"), ("b", "s")])

    assert found == [row("a"), row("b")]
    assert client.calls[1]["RequestItems"]["t"]["Keys"] == left["t"]["Keys"]


def test_before_leftovers_are_asked_for_again_there_is_a_growing_pause_and_an_end() -> None:
    left = {"t": {"Keys": [to_attributes({"pk": "b", "sk": "s"})]}}
    none = {"Responses": {}, "UnprocessedKeys": left}
    table, client, waits = stubbed(*[none] * LEFTOVER_TRIES)

    with pytest.raises(AwsUnavailable):
        table.get_many([("b", "s")])

    assert len(client.calls) == len(waits) == LEFTOVER_TRIES
    assert waits == sorted(waits)
    assert waits[0] > 0


def test_a_list_is_newest_first_and_goes_on_below_its_cursor(table: Table) -> None:
    for number in (2, 1, 3):
        table.put(listed(number))

    assert [found["pk"] for found in table.page("L", None, {}, 9)[0]] == ["p3", "p2", "p1"]
    assert [found["pk"] for found in table.page("L", "003", {}, 9)[0]] == ["p2", "p1"]


def test_a_list_holds_only_what_carries_every_wanted_value(table: Table) -> None:
    table.put(listed(1, status="open", customer="C1"))
    table.put(listed(2, status="open", customer="C2"))
    table.put(listed(3, status="paid", customer="C1"))

    found, _ = table.page("L", None, {"status": "open", "customer": "C1"}, 9)

    assert [entry["pk"] for entry in found] == ["p1"]


def test_a_rare_value_is_looked_for_in_a_few_pages_and_then_goes_on() -> None:
    def answer(page: int) -> dict[str, Any]:
        key = {"pk": {"S": "p"}, "sk": {"S": "s"}, "list_sort": {"S": f"{999 - page}"}}
        return {"Items": [], "LastEvaluatedKey": key}

    table, client, _ = stubbed(*map(answer, range(PAGES_MAX + 5)))

    assert table.page("L", None, {"status": "open"}, 20) == ([], str(999 - PAGES_MAX + 1))
    assert len(client.calls) == PAGES_MAX


def test_a_short_page_goes_on_until_everything_was_found() -> None:
    table = Table(Dynamo(), "t", sleep=lambda _: None, jitter=lambda: 1.0)
    for number in range(700):
        table.put(listed(number, status="paid" if number % 350 else "open"))

    found, cursor = table.page("L", None, {"status": "open"}, 20)
    parts = [found]
    while cursor:
        found, cursor = table.page("L", cursor, {"status": "open"}, 20)
        parts.append(found)

    assert len(parts) > 2
    assert [entry["pk"] for part in parts for entry in part] == ["p350", "p0"]


def test_due_before_is_a_bound_and_leaves_out_what_is_never_due(table: Table) -> None:
    table.put(listed(1, due="2026-11-21"))
    table.put(listed(2, due="2026-11-22"))
    table.put(listed(3))

    found, _ = table.page("L", None, {"due_before": "2026-11-22"}, 9)

    assert [entry["pk"] for entry in found] == ["p1"]


def test_due_work_is_oldest_first_and_never_early(table: Table) -> None:
    for name, at in (("late", "03"), ("now", "02"), ("early", "01")):
        table.put(row(name, due_shard="D", due_at=at))

    assert list(table.due("D", "02", limit=9)) == [("early", "s"), ("now", "s")]
    assert list(table.due("D", "09", limit=1)) == [("early", "s")]
    assert list(table.due("E", "09", limit=9)) == []
