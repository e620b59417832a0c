"""One row says of each kind of fact who is told, by which mail, with which event, and how."""

import pytest

from payments.facts.notification import TELLINGS, Kind
from payments.steps.notifications.domain_events import EVENTS
from payments.steps.notifications.mails import LETTERS, MAILS, WATCHERS, readers_of


def test_every_kind_of_fact_has_its_row() -> None:
    assert set(TELLINGS) == set(Kind)


def test_every_mail_is_somebodys_and_every_row_names_mails_that_there_are() -> None:
    named = {name for row in TELLINGS.values() for name in (row.buyer, row.seller) if name}

    assert named == set(MAILS)
    assert {row.watchers for row in TELLINGS.values() if row.watchers} == set(LETTERS)


def test_every_event_is_some_facts_and_every_row_names_events_that_there_are() -> None:
    assert {row.events for row in TELLINGS.values() if row.events} == set(EVENTS)


@pytest.mark.parametrize("kind", Kind)
def test_watchers_are_told_alone_or_not_at_all(kind: Kind) -> None:
    row = TELLINGS[kind]

    assert not (row.watchers and (row.buyer or row.seller))
    assert (readers_of(kind) == WATCHERS) is bool(row.watchers)


def test_what_the_merchant_must_not_miss_is_not_limited() -> None:
    assert {kind.value for kind, row in TELLINGS.items() if not row.limited} == {
        "account.error",
        "account.recovered",
        "dispute.changed",
        "dispute.deadline",
        "mail.returned",
        "mail.held",
    }
