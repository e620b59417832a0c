"""
Mails that come back, and how many go out: what payers are spared, whatever fails.

Whether one comes back is drawn apart, so that no seed means anything else because of it.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from tests.doubles.invocations import Json
from tests.doubles.post import report_of
from tests.simulation.cloud import LOST
from tests.simulation.mailing import Mail

HEARER = "record_bounces"
#: How often a payer's address takes no mail, in most seeds and in others.
COME_BACK = (0.0, 0.0, 0.0, 0.2, 0.6)
BROUGHT_S, AGAIN_S = (0.5, 300.0), 60.0
#: What each tenant has set: few enough that the payers of a day reach it.
LIMIT = 3
#: Mails are counted by the hour, and a little before they are sent: so long they count for certain.
WINDOW_S = 22 * 3600.0


class Bounces:
    """SES and EventBridge: a mail that came back is reported until somebody takes the report."""

    def __init__(self, world: Any) -> None:
        self._world, self._random = world, Random(f"{world.seed} bounces")
        self._share = self._random.choice(COME_BACK)
        #: Since when it is known here that an address takes no mail.
        self.stopped: dict[tuple[str, str], float] = {}
        self.unheard: list[Mail] = []
        world.post.seen.append(self._took)

    def _took(self, mail: Mail, _times: int) -> None:
        returns = self._world.faults.on and self._random.random() < self._share
        if mail.names["reader"] != "buyer" or not returns:
            return
        self.unheard.append(mail)
        at = self._world.time().isoformat()
        bounce = {"bounceType": "Permanent", "bounceSubType": "NoEmail", "timestamp": at}
        event = report_of(mail.asked, "Bounce", {"bounce": bounce}, at=at, message=mail.message)
        for _ in range(self._random.choice((1, 1, 2))):
            wait = self._random.uniform(*BROUGHT_S)
            self._world.scheduler.after(wait, partial(self._bring, mail, event))

    def _bring(self, mail: Mail, event: Json) -> None:
        self._world.scheduler.spawn(partial(self._report, mail, event))

    def _report(self, mail: Mail, event: Json) -> None:
        answer = self._world.cloud.call(HEARER, event)
        if answer is LOST:
            self._world.scheduler.after(AGAIN_S, partial(self._bring, mail, event))
        elif answer["ended"] in {"bounced", "known"}:
            self.unheard = [other for other in self.unheard if other is not mail]
            self.stopped.setdefault(mail.address, self._world.scheduler.now)


class Spared:
    """The checks: M1, no address gets more mails than its limit; M2, none that is stopped."""

    def __init__(self, world: Any, blame: Callable[[str, str], None]) -> None:
        self._world, self._blame = world, blame
        self._sent: dict[tuple[str, str], list[float]] = defaultdict(list)
        world.post.seen.append(self._took)

    def _took(self, mail: Mail, _times: int) -> None:
        if mail.names["reader"] != "buyer":
            return
        stopped = self._world.bounces.stopped.get(mail.address)
        if stopped is not None and mail.begun > stopped:
            self._blame("M2", f"{mail.address} takes no mail since {stopped}, and got {mail.names}")
        sent = self._sent[mail.address]
        sent.append(self._world.scheduler.now)
        lately = [at for at in sent if at > sent[-1] - WINDOW_S]
        if len(lately) > LIMIT:
            self._blame("M1", f"{mail.address} got {len(lately)} mails, the last one {mail.names}")
