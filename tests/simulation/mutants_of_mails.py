"""Planted bugs in what somebody is told; how to plant one: `planting`."""

import sys
from typing import Any

from payments.cases.notifications import bounces, notify
from payments.doors.doors import Doors
from payments.facts.notification import Notification, PartStatus
from payments.steps.notifications import mail_limits
from tests.simulation.planting import Replace, mutant


@mutant("B50 mail_sent_again")
def send_again_what_its_sender_died_over(swap: Replace) -> None:
    def forgetful(found: Notification, _: Doors) -> Notification:
        known = found.parts.items()
        kept = {name: part for name, part in known if part.status is not PartStatus.SENDING}
        return found.having(parts=kept)

    swap(notify, "_mark_unsure", forgetful)


@mutant("B62 mails_counted_but_not_limited")
def count_and_send(swap: Replace) -> None:
    room = mail_limits._room

    def without_limit(*asked: Any) -> Any:
        stopped, found = room(*asked)
        return stopped, [(count, sys.maxsize) for count, _ in found]

    swap(mail_limits, "_room", without_limit)


@mutant("B63 stopped_address_written_to")
def write_to_who_sends_mails_back(swap: Replace) -> None:
    room = mail_limits._room
    swap(mail_limits, "_room", lambda *asked: (None, room(*asked)[1]))


@mutant("B64 bounce_taken_for_none")
def forget_who_sends_mails_back(swap: Replace) -> None:
    swap(bounces, "_is_of", lambda *_: False)


@mutant("B65 bounce_kept_without_stopping")
def keep_the_report_alone(swap: Replace) -> None:
    swap(bounces, "_followed", lambda *_: [])
