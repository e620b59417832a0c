"""Planted bugs in what somebody is told; how to plant one: `planting`."""

from payments.cases import notifying
from payments.doors.doors import Doors
from payments.facts.notification import Notification, PartStatus
from tests.simulation.planting import Replace, mutant


@mutant("B50 mail_sent_again")
def send_again_what_its_sender_died_over(swap: Replace) -> None:
    def forgetful(found: Notification, _: Doors) -> Notification:
        known = found.parts.items()
        kept = {name: part for name, part in known if part.status is not PartStatus.SENDING}
        return found.having(parts=kept)

    swap(notifying, "_settle_lost", forgetful)
