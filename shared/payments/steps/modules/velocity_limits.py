"""Limit how often something is tried; a try is counted before Stripe is asked."""

import hashlib
import hmac
from datetime import timedelta

from payments.doors.doors import Doors
from payments.doors.table import RowChanged
from payments.errors import VelocityLimited
from payments.facts.attempt import Attempt
from payments.facts.module import PaymentModule
from payments.facts.velocity import Rule, Scope, Tally, whose
from payments.steps.retry import retrying

#: A writer that loses a race has lost to one that counted. A tally takes no more marks than its
#: limit, so after as many lost races there is no room left. Without a limit there is no race.
SPARE = 10
#: How often Stripe is asked because a payer looks, and how long one answer is used.
LOOKS = Rule(scope="link", counts="attempts", limit=60, minutes=60)
REMEMBERED = timedelta(seconds=5)


def payer_at(address: str, tenant: str, doors: Doors) -> str:
    """Return the keyed hash of a payer's address; nobody can tell the address from it."""
    said = f"\0address\0{tenant}\0{whose(address)}".encode()
    return hmac.new(doors.secrets.link_key(), said, hashlib.sha256).hexdigest()[:32]


def count_attempt(
    attempt: str, module: PaymentModule, subjects: dict[Scope, str | None], *, doors: Doors
) -> None:
    """
    Count an attempt for each of its subjects, or raise VelocityLimited.

    The address is counted first: a payer who is stopped there uses up no other subject's tries. A
    repeat of the same attempt is not counted again.
    """
    found = _tallies(module, module.mode, subjects, doors)
    found.sort(key=lambda each: each[0].scope != "ip")
    for rule, tally in found:
        if not tally.has(attempt):
            tally.require_room(rule, doors.now())
    for rule, tally in found:
        if rule.counts == "attempts":
            _add_mark(attempt, rule, tally, doors, strict=True)


def note_decline(mark: str, attempt: Attempt, fingerprint: str | None, *, doors: Doors) -> bool:
    """
    Count a decline once for each `mark` and subject, and return whether another try is allowed.

    A person who tries stolen cards does so within one open page, so the caller then closes the
    page.
    """
    module = doors.store.module(attempt.tenant, attempt.module)
    subjects: dict[Scope, str | None] = {
        "customer": attempt.customer,
        "link": attempt.link,
        "card": fingerprint,
        "ip": attempt.payer,
    }
    found = _tallies(module, attempt.mode, subjects, doors)
    counted = [
        (rule, _add_mark(mark, rule, tally, doors))
        for rule, tally in found
        if rule.counts == "declines"
    ]
    try:
        for rule, tally in counted:
            tally.require_room(rule, doors.now())
    except VelocityLimited:
        return False
    return True


def count_look(attempt: Attempt, doors: Doors, *, remembered: timedelta = REMEMBERED) -> bool:
    """
    Count one question to Stripe about an attempt, and return whether it may be asked.

    Anybody with the address can open the page without end, and each question is a request on the
    merchant's account. So no question follows just after another one, and their number is limited.
    """
    now, name = doors.now(), f"{remembered}{attempt.link or attempt.id}"
    empty = Tally(
        tenant=attempt.tenant,
        module=attempt.module,
        mode=attempt.mode,
        scope=LOOKS.scope,
        counts="looks",
        subject=hashlib.sha256(name.encode()).hexdigest()[:32],
        version=0,
    )
    known = next(iter(doors.store.tallies([empty])), empty)
    marks = known.within(LOOKS, now)
    if len(marks) == LOOKS.limit or (marks and now - marks[-1].at < remembered):
        return False
    counted = known.counting(doors.new_id("look"), LOOKS, now)
    try:
        doors.store.save(counted, known if known.version else None)
    except RowChanged:
        # Another request asks at this moment.
        return not remembered
    return True


def _tallies(
    module: PaymentModule, mode: str, subjects: dict[Scope, str | None], doors: Doors
) -> list[tuple[Rule, Tally]]:
    """Return each rule with the tally of its subject, all in one read."""
    empty = [
        (rule, _empty(rule, name, module, mode))
        for rule in module.rules
        if rule.limit is not None and (name := subjects.get(rule.scope))
    ]
    known = {_named(tally): tally for tally in doors.store.tallies([each for _, each in empty])}
    return [(rule, known.get(_named(tally), tally)) for rule, tally in empty]


def _add_mark(mark: str, rule: Rule, tally: Tally, doors: Doors, *, strict: bool = False) -> Tally:
    """Add a mark and return the tally with it; with `strict`, refuse it where there is no room."""
    # The tally that the caller has just read serves for the first try, at its version.
    read = [tally]

    def step() -> Tally:
        seen = read.pop() if read else next(iter(doors.store.tallies([tally])), tally)
        if seen.has(mark):
            return seen
        if strict:
            seen.require_room(rule, doors.now())
        counted = seen.counting(mark, rule, doors.now())
        return doors.store.save(counted, seen if seen.version else None)

    tries = (rule.limit or 0) + SPARE
    return retrying(
        step, doors, "Too many try at once; nothing was charged.", tries=tries, pausing=False
    )


def _named(tally: Tally) -> tuple[str, ...]:
    return tally.scope, tally.counts, tally.subject


def _empty(rule: Rule, name: str, module: PaymentModule, mode: str) -> Tally:
    return Tally(
        tenant=module.tenant,
        module=module.id,
        mode=mode,
        scope=rule.scope,
        counts=rule.counts,
        subject=hashlib.sha256(name.encode()).hexdigest()[:32],
        version=0,
    )
