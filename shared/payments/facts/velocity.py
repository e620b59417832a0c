"""How often something may be tried: rules for windows of time, and their tallies."""

import ipaddress
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from payments.errors import VelocityLimited
from payments.facts.fact import Fact

#: The subjects that tries are counted for; an `ip` is the payer's, never an API caller's.
Scope = Literal["customer", "link", "card", "ip"]
Counts = Literal["attempts", "declines"]


def whose(address: str) -> str:
    """
    Return the part of a network address that belongs to one payer.

    Every household has a /64 of IPv6, and with it more addresses than tries could be counted for.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


class Rule(Fact):
    """Within `minutes`, up to `limit` of what it counts are allowed; None means no limit."""

    scope: Scope
    counts: Counts
    limit: int | None = None
    minutes: int = 60

    @property
    def window(self) -> timedelta:
        """How long a mark counts."""
        return timedelta(minutes=self.minutes)


#: The limits are generous to people, who try again and again, and to offices behind one address.
#: They are hopeless for a thief who tries stolen cards by the hundred.
DEFAULTS = (
    Rule(scope="customer", counts="attempts", limit=100, minutes=60),
    Rule(scope="link", counts="attempts", limit=30, minutes=60),
    Rule(scope="card", counts="attempts", limit=200, minutes=60),
    Rule(scope="ip", counts="attempts", limit=200, minutes=60),
    Rule(scope="customer", counts="declines", limit=20, minutes=60),
    Rule(scope="link", counts="declines", limit=10, minutes=60),
    Rule(scope="card", counts="declines", limit=15, minutes=1440),
    Rule(scope="ip", counts="declines", limit=20, minutes=60),
)


def effective(own: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return the rules of a module: its own, and the defaults for all others."""
    said = {(rule.scope, rule.counts): rule for rule in own}
    return tuple(said.get((rule.scope, rule.counts), rule) for rule in DEFAULTS)


class Mark(Fact):
    """One try, named after what it was, so that a repeat is not counted again."""

    at: datetime
    name: str


class Tally(Fact):
    """The marks of one customer, link, card or address with one module, in one mode."""

    tenant: str
    module: str
    mode: str
    scope: Scope
    counts: Counts | Literal["looks"]
    subject: str
    marks: tuple[Mark, ...] = ()
    #: When DynamoDB may delete the row; marks outside the window do not count in any case.
    ttl: int = 0
    version: int = 1

    def within(self, rule: Rule, now: datetime) -> tuple[Mark, ...]:
        """Return the marks that still count."""
        return tuple(mark for mark in self.marks if now - mark.at < rule.window)

    def require_room(self, rule: Rule, now: datetime) -> None:
        """Refuse one more try, and say when there will be room."""
        marks = self.within(rule, now)
        if rule.limit is None or len(marks) < rule.limit:
            return
        wait = marks[-rule.limit].at + rule.window - now
        raise VelocityLimited(
            f"Too many {rule.counts} of this {rule.scope}: {rule.limit} are let through in "
            f"{rule.minutes} minutes. Nothing was charged.",
            scope=rule.scope,
            counts=rule.counts,
            limit=rule.limit,
            retry_after_s=max(1, int(wait.total_seconds())),
        )

    def has(self, name: str) -> bool:
        """Whether the mark was counted before."""
        return any(mark.name == name for mark in self.marks)

    def counting(self, name: str, rule: Rule, now: datetime) -> "Tally":
        """Return it with one more mark, and without those that no longer count."""
        marks = (*self.within(rule, now), Mark(at=now, name=name))
        kept = marks[-(rule.limit or 1) :]
        ends = int((now + 2 * rule.window).timestamp())
        return self.having(marks=kept, ttl=ends)
