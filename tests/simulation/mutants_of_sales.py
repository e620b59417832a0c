"""Planted bugs in what sells and charges; how to plant one: `planting`."""

from dataclasses import replace
from datetime import timedelta
from functools import wraps
from typing import Any

from payments import money
from payments.cases.collecting import charge_saved_card, sweep
from payments.cases.invoices import invoicing
from payments.cases.links import press_pay
from payments.doors.doors import Doors
from payments.doors.gateway import Gateway
from payments.doors.rows import addresses
from payments.doors.store import Store, change
from payments.doors.table import Table
from payments.edge import api, replaying
from payments.errors import PaymentsError
from payments.facts import invoice
from payments.facts.attempt import Attempt, AttemptStatus, Channel
from payments.facts.invoice import Invoice
from payments.facts.outcome import CardRefused, FailedAtStripe, OutcomeUnknown
from payments.facts.payment import Payment
from payments.facts.stripe_objects import Intent
from payments.steps.attempts import transitions
from payments.steps.books import comparison
from payments.steps.collecting import claims, close_attempt, saved_card
from payments.steps.links.link_tokens import way_back
from payments.steps.modules import permissions
from payments.steps.payments import payment_rows
from tests.simulation.planting import NUMBERS, Replace, mutant


@mutant("B1 no_intent_first")
def charge_before_anything_is_written(swap: Replace) -> None:
    claim = charge_saved_card.claim

    def charge_first(invoices: Any, propose: Any, *, supersede: bool, doors: Doors) -> Attempt:
        attempt = propose(invoices)
        gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
        try:
            made = gateway.create_intent(attempt, invoices[0].number)
            gateway.confirm_intent(attempt.model_copy(update={"payment_intent": made.id}))
        except (CardRefused, OutcomeUnknown, PaymentsError):
            pass
        return claim(invoices, propose, supersede=supersede, doors=doors)

    swap(charge_saved_card, "claim", charge_first)


@mutant("B2 random_stripe_key")
def name_each_try_anew(swap: Replace) -> None:
    swap(Attempt, "stripe_key", lambda self, step: f"{self.id}:{step}:{next(NUMBERS)}")
    # Unconfirmed, a second PaymentIntent would do no harm: so confirm in the same breath.
    create = Gateway.create_intent

    def create_and_confirm(self: Gateway, attempt: Attempt, number: str) -> Intent:
        made = create(self, attempt, number)
        return self.confirm_intent(attempt.model_copy(update={"payment_intent": made.id}))

    swap(Gateway, "create_intent", create_and_confirm)


@mutant("B3 timeout_is_failure")
def take_silence_for_a_no(swap: Replace) -> None:
    swap(
        saved_card,
        "_unknown",
        lambda attempt, doors: transitions.advance(attempt, AttemptStatus.FAILED, doors=doors),
    )


@mutant("B4 claim_unconditional")
def claim_what_was_read(swap: Replace) -> None:
    def claim(invoices: Any, propose: Any, *, supersede: bool, doors: Doors) -> Attempt:
        free = [claims.free_claim(each, supersede=supersede, doors=doors) for each in invoices]
        created = change(propose(free))
        latest = [doors.store.invoice(each.tenant, each.id) for each in free]
        taken = [
            change(each.claim_for(created.new), now) for each, now in zip(free, latest, strict=True)
        ]
        doors.store.write(*taken, created)
        return created.new

    for module in (charge_saved_card, press_pay):
        swap(module, "claim", claim)


def _without_closing(release: Any) -> Any:
    def keep_open(invoice: Invoice, *, supersede: bool, doors: Doors) -> Invoice:
        if supersede and invoice.claim and invoice.claim.channel is Channel.LINK:
            return invoice.having(claim=None)
        return release(invoice, supersede=supersede, doors=doors)

    return keep_open


@mutant("B5 charge_ignores_link")
def charge_beside_an_open_page(swap: Replace) -> None:
    swap(claims, "free_claim", _without_closing(claims.free_claim))


@mutant("B6 void_keeps_link")
def void_beside_an_open_page(swap: Replace) -> None:
    swap(invoicing, "free_claim", _without_closing(invoicing.free_claim))


@mutant("B7 link_no_intent")
def open_a_page_before_anything_is_written(swap: Replace) -> None:
    claim = press_pay.claim

    def open_first(invoices: Any, propose: Any, *, supersede: bool, doors: Doors) -> Attempt:
        attempt = propose([each.having(claim=None) for each in invoices])
        gateway = doors.gateway(attempt.tenant, attempt.account, attempt.mode)
        gateway.create_session(attempt, invoices[0].number, way_back(attempt, doors))
        return claim(invoices, propose, supersede=supersede, doors=doors)

    swap(press_pay, "claim", open_first)


@mutant("B8 ledger_id_random")
def name_a_payment_by_our_own_id(swap: Replace) -> None:
    by_chance = addresses.ADDRESSES | {
        Payment: lambda row: ("INV", row.invoice, f"PAYMENT#{row.id}"),
        addresses.JournalEntry: lambda row: ("INV", row.invoice, f"JOURNAL#{next(NUMBERS)}"),
    }
    swap(addresses, "ADDRESSES", by_chance)


@mutant("B8 no_cond_ledger")
def book_without_looking(swap: Replace) -> None:
    transact, charged = Table.transact, Store.charged

    def unseen(*asked: Any) -> Any:
        attempt, _, invoice = charged(*asked)
        return attempt, None, invoice

    swap(Store, "charged", unseen)

    def overwrite(self: Table, *puts: Any) -> None:
        kinds = ("PAYMENT#", "JOURNAL#")
        loose = []
        for put in puts:
            there = put.row["sk"].startswith(kinds) and self.get(put.row["pk"], put.row["sk"])
            loose.append(replace(put, seen=there["version"]) if there else put)
        transact(self, *loose)

    swap(Table, "transact", overwrite)


@mutant("B12 stale_event_overwrites")
def believe_whoever_comes_last(swap: Replace) -> None:
    def become(self: Attempt, status: AttemptStatus, **changes: object) -> Attempt:
        return self.model_copy(update={"sweep_at": None, **changes, "status": status})

    swap(Attempt, "become", become)
    swap(Attempt, "is_open", property(lambda _: True))


@mutant("B13 sweeper_releases")
def free_without_a_fence(swap: Replace) -> None:
    swap(
        sweep,
        "close",
        lambda attempt, doors: transitions.advance(attempt, AttemptStatus.CANCELED, doors=doors),
    )


@mutant("B17 no_persist_pi")
def forget_the_intents_id(swap: Replace) -> None:
    create = Gateway.create_intent
    swap(Attempt, "may_replay", lambda *_: False)

    def forgetful(attempt: Attempt, gateway: Gateway, doors: Doors) -> Attempt:
        number = doors.store.invoice(attempt.tenant, attempt.invoice).number
        made = create(gateway, attempt, number)
        saved = doors.store.save(
            attempt.become(AttemptStatus.SUBMITTING, sweep_at=doors.now() + timedelta(minutes=2)),
            attempt,
        )
        return saved.model_copy(update={"payment_intent": made.id})

    swap(saved_card, "_create", forgetful)


@mutant("B18 replay_after_24h")
def send_again_what_stripe_has_forgotten(swap: Replace) -> None:
    swap(Attempt, "may_replay", lambda *_: True)


@mutant("B20 tenant_mix_up")
def use_the_last_tenants_client(swap: Replace) -> None:
    gateway, last = Doors.gateway, {}

    def warm(self: Doors, tenant: str, account: str, mode: str) -> Gateway:
        return last.setdefault(id(self), gateway(self, tenant, account, mode))

    swap(Doors, "gateway", warm)


@mutant("B22 key_without_body")
def take_a_key_for_the_request(swap: Replace) -> None:
    request = api._request
    swap(api, "_request", lambda *asked: replace(request(*asked), fingerprint="same"))


@mutant("B23 amount_by_float")
def count_in_units(swap: Replace) -> None:
    create = Gateway.create_intent

    def rounded(self: Gateway, attempt: Attempt, number: str) -> Intent:
        units = attempt.amount / 100
        return create(self, attempt.model_copy(update={"amount": int(units * 100)}), number)

    swap(Gateway, "create_intent", rounded)


@mutant("B26 stale_read_answers")
def read_what_may_be_old(swap: Replace) -> None:
    pages = Table._pages

    def loose(self: Table, *asked: Any, **options: Any) -> Any:
        return pages(self, *asked, **{**options, "ConsistentRead": False})

    swap(Table, "_pages", loose)


@mutant("B27 fence_repeats_a_failure")
def fence_under_one_key(swap: Replace) -> None:
    request = Gateway._request

    def keyed(self: Gateway, method: str, path: str, params: Any, key: Any = None) -> Any:
        fence = path.endswith(("/cancel", "/expire"))
        return request(self, method, path, params, path if fence else key)

    swap(Gateway, "_request", keyed)


@mutant("B28 running_is_none")
def take_silence_for_nothing(swap: Replace) -> None:
    request = Gateway._request

    def dull(self: Gateway, *asked: Any) -> Any:
        try:
            return request(self, *asked)
        except OutcomeUnknown as silence:
            raise FailedAtStripe(*silence.args) from None

    swap(Gateway, "_request", dull)


@mutant("B29 claim_kept_after_decline")
def keep_the_claim_of_a_failure(swap: Replace) -> None:
    follow = Invoice.follow

    def clinging(self: Invoice, attempt: Attempt) -> Invoice:
        return self if attempt.status is AttemptStatus.FAILED else follow(self, attempt)

    swap(Invoice, "follow", clinging)


@mutant("B30 key_in_log")
def log_the_key(swap: Replace) -> None:
    gateway = Doors.gateway

    def talkative(self: Doors, tenant: str, account: str, mode: str) -> Gateway:
        api.logger.info("using", key=self.secrets.keys(tenant, account, mode)["secret_key"])
        return gateway(self, tenant, account, mode)

    swap(Doors, "gateway", talkative)


@mutant("B32 answer_not_kept")
def run_a_repeated_request_again(swap: Replace) -> None:
    swap(replaying, "_keep", lambda *_: None)
    swap(
        replaying,
        "_lock",
        _with_fresh_resource(replaying._lock),
    )


def _with_fresh_resource(lock: Any) -> Any:
    @wraps(lock)
    def fresh(request: Any, doors: Doors) -> Any:
        record = lock(request, doors)
        return record.model_copy(update={"resource": doors.new_id(request.prefix)})

    return fresh


@mutant("B33 fee_not_posted")
def forget_the_fee(swap: Replace) -> None:
    received = payment_rows.payment_received

    def gross_only(payment: Payment) -> Any:
        entry = received(payment)
        return entry.model_copy(update={"postings": entry.postings[:2]})

    swap(payment_rows, "payment_received", gross_only)


@mutant("B34 reconcile_does_not_heal")
def only_look(swap: Replace) -> None:
    compare = comparison._compare_payment

    def look(intent: Intent, payment: Payment | None, *more: Any) -> str | None:
        return "missing_payment" if payment is None else compare(intent, payment, *more)

    swap(comparison, "_compare_payment", look)


@mutant("B35 sweep_forgets_sessions")
def leave_the_pages_open(swap: Replace) -> None:
    close = close_attempt._close_session

    def careless(attempt: Attempt, gateway: Gateway, doors: Doors) -> Attempt:
        if attempt.session:
            return close(attempt, gateway, doors)
        return transitions.advance(attempt, AttemptStatus.EXPIRED, doors=doors)

    swap(close_attempt, "_close_session", careless)


@mutant("B84 rest_that_no_card_pays")
def leave_what_is_too_little(swap: Replace) -> None:
    swap(invoice, "require_rest", lambda *_: None)
    swap(permissions, "require_rest", lambda *_: None)


@mutant("B85 all_of_it_at_once")
def cut_what_is_too_much_at_the_door(swap: Replace) -> None:
    for module in (money, permissions):
        swap(module, "most_charge", lambda _: money.MAXIMUM_TOTAL)
    create = Gateway.create_session

    def cut(self: Gateway, attempt: Attempt, number: str, back: Any) -> Any:
        amount = min(attempt.amount, money.MAXIMUM_CHARGE)
        return create(self, attempt.model_copy(update={"amount": amount}), number, back)

    swap(Gateway, "create_session", cut)
