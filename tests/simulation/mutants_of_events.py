"""Planted bugs in what listens to Stripe; how to plant one: `planting`."""

from typing import Any

from payments.cases.collecting import sweep
from payments.cases.webhooks import apply_event, intake
from payments.doors.doors import Doors
from payments.doors.rows.lists import Lists
from payments.doors.secrets import Secrets
from payments.doors.table import RowChanged, Table, Unreadable
from payments.facts.stripe_objects import Intent
from payments.steps.attempts import provenance
from payments.steps.books import comparison
from payments.steps.disputes import apply_dispute
from payments.steps.payments import apply_payment
from payments.steps.refunds import apply_refund
from tests.simulation.planting import Replace, mutant


@mutant("B9 mark_before_apply")
def say_applied_before_it_is(swap: Replace) -> None:
    apply = apply_event._apply

    def mark_first(event: Any, doors: Doors) -> Any:
        marked = doors.store.save(event.done("applied"), event)
        apply(marked, doors)
        raise RowChanged(0)

    def tolerant(address: Any, doors: Doors) -> str:
        try:
            return original(address, doors)
        except RowChanged:
            return "applied"

    original = apply_event.apply_event
    swap(apply_event, "_apply", mark_first)
    swap(apply_event, "apply_event", tolerant)


@mutant("B10 ack_before_persist")
def say_received_before_it_is_kept(swap: Replace) -> None:
    keep = intake.keep

    def hope(body: bytes, **more: Any) -> str:
        try:
            return keep(body, **more)
        except Exception:  # noqa: BLE001 - the bug itself
            return "evt"

    swap(intake, "keep", hope)


@mutant("B11 swallow_poison")
def call_a_failure_done(swap: Replace) -> None:
    apply = apply_event._apply

    def swallow(event: Any, doors: Doors) -> Any:
        try:
            return apply(event, doors)
        except Exception:  # noqa: BLE001 - the bug itself
            return "applied"

    swap(apply_event, "_apply", swallow)


@mutant("B83 unreadable_ends_the_run")
def stop_at_what_cannot_be_read(swap: Replace) -> None:
    def stop(_: Lists, pk: str, sk: str, __: Any) -> None:
        raise Unreadable(pk, sk)

    swap(Lists, "_put_aside", stop)


@mutant("B19 no_inbox_sweep + dedupe_at_ingress_only")
def queue_an_event_once_and_never_again(swap: Replace) -> None:
    swap(sweep, "_requeue", lambda *_: None)
    put = Table.put

    def put_or_stop(self: Table, row: Any, *, seen: int | None = None) -> None:
        try:
            put(self, row, seen=seen)
        except RowChanged:
            if row["sk"] == "EVENT" and seen is None:
                raise _Known from None
            raise

    keep = intake.keep

    def keep_once(body: bytes, **more: Any) -> str:
        try:
            return keep(body, **more)
        except _Known:
            return "known"

    swap(Table, "put", put_or_stop)
    swap(intake, "keep", keep_once)


class _Known(Exception):
    pass


@mutant("B21 unknown_is_dropped")
def answer_for_what_is_not_here(swap: Replace) -> None:
    apply = apply_event._fetch_and_apply

    def drop(event: Any, doors: Doors) -> None:
        try:
            apply(event, doors)
        except provenance.UnknownAttempt:
            raise provenance.NotOurs from None

    swap(apply_event, "_fetch_and_apply", drop)


@mutant("B25 old_secret_kept")
def never_look_for_a_new_secret(swap: Replace) -> None:
    swap(Secrets, "webhook_again", Secrets.webhook)


@mutant("B31 unsigned_accepted")
def trust_every_event(swap: Replace) -> None:
    swap(intake, "is_signed", lambda *_: True)


@mutant("B92 metadata_decides")
def believe_what_a_payment_says_of_itself(swap: Replace) -> None:
    def believe(intent: Intent, slot: provenance.Slot, doors: Doors) -> provenance.Books:
        named = provenance._named_by(intent.metadata, slot.tenant)
        if not named:
            raise provenance.NotOurs(intent.id)
        return provenance.books_of(slot.tenant, *named, intent.charge_id, doors)

    for module in (apply_payment, apply_refund, apply_dispute, comparison):
        swap(module, "books_behind", believe)
