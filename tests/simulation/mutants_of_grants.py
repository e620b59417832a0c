"""Planted bugs in what keeps people to their grants; how to plant one: `planting`."""

from typing import Any

from payments.cases.accounts import connect_by_keys
from payments.cases.collecting import charge_saved_card
from payments.cases.links import pay_links
from payments.cases.modules import access
from payments.cases.modules.access import Subject
from payments.edge import api, runtime
from payments.steps.accounts import slot_lock, stripe_owner
from tests.simulation.planting import Replace, mutant


@mutant("B80 named_module_decides")
def ask_for_the_module_that_is_named(swap: Replace) -> None:
    swap(access, "_FINDERS", access._FINDERS | {Subject.INVOICE: access._named})
    for case in (charge_saved_card, pay_links):
        swap(case, "module_of", lambda invoice, asked: asked or invoice.module)


@mutant("B81 connected_twice")
def connect_whatever_has_keys(swap: Replace) -> None:
    swap(connect_by_keys, "require_unconnected", lambda *_: None)
    swap(connect_by_keys, "_is_left", lambda *_: False)
    for owner in (connect_by_keys, slot_lock, stripe_owner):
        swap(owner, "held_by", lambda *_: [])


@mutant("B82 answered_before_the_grant")
def tell_a_kept_answer_to_whoever_repeats_it(swap: Replace) -> None:
    require = api._require_granted

    def late(event: Any, who: Any) -> None:
        if "idempotency-key" in event["headers"] and event.get("body"):
            asked = api._request(event, who, "")
            known = runtime.store().idempotency(asked.tenant, asked.route, asked.key)
            if known and known.answer:
                return
        require(event, who)

    swap(api, "_require_granted", late)
