"""Whatever is done, in whatever order, the books are right: random days of two accounts."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from local.standin import StandIn
from local.standin.engine import exchange, jobs
from local.standin.engine.messages import Answer, Json, Request
from tests.standin.doubles import TULIPS, Time

DAY_S = 24 * 3600
KEY_LIFE_S = DAY_S
CARDS = (
    "pm_card_visa", "pm_card_visa", "pm_card_bypassPending", "pm_card_visa_chargeDeclined",
    "pm_card_threeDSecure2Required", "pm_card_createDispute", "pm_card_createDisputeInquiry",
    "pm_card_refundFail", "pm_card_pendingRefund", "pm_card_refundRequiresAction",
    "pm_usBankAccount", "pm_usBankAccount_noAccount",
)  # fmt: skip
CURRENCIES = {"usd": 1, "jpy": 1, "bhd": 10}
"""With the smallest step of each."""
WORDS = ("winning_evidence", "losing_evidence", "escalate_inquiry_evidence", "a receipt")
BACK = "http://127.0.0.1:9/back"
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")
ASKED = ("needs_response", "warning_needs_response")


class Payment(NamedTuple):
    """What a payer is asked for, and by whom."""

    way: str
    card: str
    manual: bool
    currency: str
    amount: int
    fee: int


PAYMENTS = st.builds(
    Payment,
    way=st.sampled_from(["own", "direct", "destination"]), card=st.sampled_from(CARDS),
    manual=st.booleans(), currency=st.sampled_from(sorted(CURRENCIES)),
    amount=st.integers(100, 5000), fee=st.integers(0, 6000),
)  # fmt: skip
pick = st.integers(0, 40)
share = st.sampled_from([100, 50, 33, 7, 99, 1])


class Sent(NamedTuple):
    """A request and its answer."""

    at: float
    account: str | None
    path: str
    params: Json
    key: str
    status: int
    body: bytes


class Days(RuleBasedStateMachine):
    """A platform and an account connected to it, with everything that can happen to their money."""

    @initialize(
        settles_after=st.sampled_from([0, 2 * DAY_S]),
        first=st.lists(PAYMENTS, min_size=3, max_size=8),
    )
    def open(self, settles_after: int, first: list[Payment]) -> None:
        self.time = Time()
        self.patch = pytest.MonkeyPatch()
        for module in (exchange, jobs):
            self.patch.setattr(module.traceback, "print_exc", loud)
        self.standin = StandIn(
            control=True, seed=1, clock=self.time, settlement_s=settles_after
        )  # fmt: skip
        self.sent: list[Sent] = []
        self.known: dict[str | None, Json] = {}
        self.keys = 0
        self.platform = self.get("/v1/account")["id"]
        self.connected = json.loads(self.post("/v1/accounts", {"type": "standard"}).body)["id"]
        self.accounts = {None: self.platform, self.connected: self.connected}
        for payment in first:
            self.pay(payment)

    def teardown(self) -> None:
        if hasattr(self, "standin"):
            self.standin.close()
            self.patch.undo()

    def ask(
        self, method: str, path: str, params: Json, account: str | None, key: str = ""
    ) -> tuple[int, bytes]:
        headers = {"authorization": f"Bearer sk_test_{TULIPS}", "content-type": "application/json"}
        if account:
            headers["stripe-account"] = account
        if key:
            headers["idempotency-key"] = key
        body = json.dumps(params).encode() if method == "POST" else b""
        query = "" if method == "POST" else "&".join(f"{k}={v}" for k, v in params.items())
        answer = self.handle(Request(method, path, query, headers, body))
        return answer.status, answer.body

    def handle(self, request: Request) -> Answer:
        if request.method == "POST":
            self.known.clear()
        answer = self.standin.handle(request)
        assert answer.status != 500
        return answer

    def get(self, path: str, account: str | None = None, **params: Any) -> Any:
        return json.loads(self.ask("GET", path, params, account)[1])

    def post(self, path: str, params: Json, account: str | None = None) -> Sent:
        self.keys += 1
        key = f"key-{self.keys}"
        status, body = self.ask("POST", path, params, account, key)
        done = Sent(self.time.now, account, path, params, key, status, body)
        self.sent.append(done)
        return done

    def command(self, name: str, **content: Any) -> Json:
        body = json.dumps(content).encode()
        return self.handle(Request("POST", f"/_control/{name}", "", {}, body)).json

    def truth(self, account: str | None) -> Json:
        if account not in self.known:
            query = f"account={self.accounts[account]}"
            self.known[account] = self.handle(Request("GET", "/_control/truth", query)).json
        return self.known[account]

    def one(
        self, kind: str, number: int, apt: tuple[str, ...] = ()
    ) -> tuple[str | None, Json] | None:
        """Choose one of the objects of either account, mostly one in an apt state."""
        found = [(account, obj) for account in self.accounts for obj in self.truth(account)[kind]]
        if apt and number % 4 < 3:
            found = [each for each in found if each[1]["status"] in apt] or found
        return found[number // 4 % len(found)] if found else None

    @rule(payment=PAYMENTS)
    def pay(self, payment: Payment) -> None:
        currency, fee = payment.currency, payment.fee
        params: Json = {
            "amount": payment.amount * CURRENCIES[currency], "currency": currency,
            "payment_method": payment.card, "confirm": True, "return_url": BACK,
            "capture_method": "manual" if payment.manual else "automatic",
        }  # fmt: skip
        if payment.way != "own" and fee:
            params["application_fee_amount"] = fee
        if payment.way == "destination":
            params["transfer_data"] = {"destination": self.connected}
        account = self.connected if payment.way == "direct" else None
        self.post("/v1/payment_intents", params, account)

    @rule(number=pick, part=share)
    def capture(self, number: int, part: int) -> None:
        if chosen := self.one("payment_intents", number, ("requires_capture",)):
            account, intent = chosen
            step = CURRENCIES[intent["currency"]]
            amount = max(intent["amount"] * part // 100 // step, 1) * step
            params = {"amount_to_capture": amount}
            self.post(f"/v1/payment_intents/{intent['id']}/capture", params, account)

    @rule(number=pick)
    def cancel(self, number: int) -> None:
        if chosen := self.one("payment_intents", number, OPEN):
            self.post(f"/v1/payment_intents/{chosen[1]['id']}/cancel", {}, chosen[0])

    @rule(number=pick, outcome=st.sampled_from(["pass", "fail"]))
    def authenticate(self, number: int, outcome: str) -> None:
        if chosen := self.one("payment_intents", number, ("requires_action",)):
            body = f"outcome={outcome}".encode()
            path = f"/c/authenticate/{chosen[1]['id']}"
            self.handle(Request("POST", path, body=body))

    @rule(number=pick, card=st.sampled_from(CARDS))
    def pay_again(self, number: int, card: str) -> None:
        if chosen := self.one("payment_intents", number, OPEN):
            params = {"payment_method": card, "off_session": True}
            self.post(f"/v1/payment_intents/{chosen[1]['id']}/confirm", params, chosen[0])

    @rule(number=pick, part=share, by_charge=st.booleans(), back=st.booleans())
    def refund(self, number: int, part: int, by_charge: bool, back: bool) -> None:
        chosen = self.one("charges", number, ("succeeded", "pending"))
        if chosen is None or not chosen[1]["payment_intent"]:
            return
        account, charge = chosen
        name = "charge" if by_charge else "payment_intent"
        params: Json = {name: charge["id"] if by_charge else charge["payment_intent"]}
        if part < 99:
            step = CURRENCIES[charge["currency"]]
            params["amount"] = max(charge["amount_captured"] * part // 100 // step, 1) * step
        if back and account:
            params["refund_application_fee"] = True
        if back and charge["transfer_data"]:
            params |= {"reverse_transfer": True, "refund_application_fee": True}
        self.post("/v1/refunds", params, account)

    @rule(
        number=pick, verb=st.sampled_from(["refunds/{}/cancel", "test_helpers/refunds/{}/expire"])
    )
    def end_refund(self, number: int, verb: str) -> None:
        if chosen := self.one("refunds", number, ("requires_action",)):
            self.post("/v1/" + verb.format(chosen[1]["id"]), {}, chosen[0])

    @rule(number=pick, part=share)
    def refund_fee(self, number: int, part: int) -> None:
        fees = self.get("/v1/application_fees", limit=100)["data"]
        if fees:
            fee = fees[number % len(fees)]
            amount = max(fee["amount"] * part // 100, 1)
            self.post(f"/v1/application_fees/{fee['id']}/refunds", {"amount": amount})

    @rule(number=pick, words=st.sampled_from(WORDS), submit=st.booleans())
    def answer_dispute(self, number: int, words: str, submit: bool) -> None:
        if chosen := self.one("disputes", number, ASKED):
            params = {"evidence": {"uncategorized_text": words}, "submit": submit}
            self.post(f"/v1/disputes/{chosen[1]['id']}", params, chosen[0])
            self.wait(60)

    @rule(number=pick)
    def close_dispute(self, number: int) -> None:
        if chosen := self.one("disputes", number, ASKED):
            self.post(f"/v1/disputes/{chosen[1]['id']}/close", {}, chosen[0])

    @rule(seconds=st.sampled_from([60, DAY_S, 5 * DAY_S, 130 * DAY_S]))
    def wait(self, seconds: int) -> None:
        self.time.now += seconds
        self.known.clear()
        self.standin.run_jobs()

    @rule(direct=st.booleans(), currency=st.sampled_from(sorted(CURRENCIES)), part=share)
    def pay_out(self, direct: bool, currency: str, part: int) -> None:
        account = self.connected if direct else None
        free = {e["currency"]: e["amount"] for e in self.get("/v1/balance", account)["available"]}
        if amount := free.get(currency, 0) * part // 100:
            self.post("/v1/payouts", {"amount": amount, "currency": currency}, account)

    @rule(
        direct=st.booleans(), currency=st.sampled_from(sorted(CURRENCIES)), by_hand=share,
        outcome=st.sampled_from(["paid", "failed"]),
    )  # fmt: skip
    def pay_out_by_schedule(
        self, *, direct: bool, currency: str, by_hand: int, outcome: str
    ) -> None:
        if by_hand < 99:
            self.pay_out(direct=direct, currency=currency, part=by_hand)
        home = self.connected if direct else self.platform
        made = self.command("payouts", account=home, currency=currency, outcome=outcome)["payout"]
        available = self.get("/v1/balance", self.connected if direct else None)["available"]
        free = {line["currency"]: line["amount"] for line in available}
        assert made is None or free[currency] == 0

    @rule(number=pick, verb=st.sampled_from(["cancel", "reverse", "fail"]))
    def end_payout(self, number: int, verb: str) -> None:
        if chosen := self.one("payouts", number, ("pending", "in_transit", "paid")):
            account, payout = chosen
            if verb != "fail":
                self.post(f"/v1/payouts/{payout['id']}/{verb}", {}, account)
            elif payout["status"] in {"pending", "in_transit", "paid"}:
                home = self.accounts[account]
                self.command("payouts", account=home, payout=payout["id"], outcome="failed")

    @precondition(lambda self: getattr(self, "sent", None))
    @rule(number=pick, changed=st.booleans())
    def replay(self, number: int, changed: bool) -> None:
        """Send a request once more, under its key, as it was or with something else in it."""
        fresh = [
            done for done in self.sent
            if done.status in {200, 402} and done.at + KEY_LIFE_S > self.time.now
        ]  # fmt: skip
        if not fresh:
            return
        done = fresh[number % len(fresh)]
        before = [self.truth(account) for account in self.accounts]
        params = {**done.params, "metadata": {"again": "1"}} if changed else done.params
        status, body = self.ask("POST", done.path, params, done.account, done.key)
        assert [self.truth(account) for account in self.accounts] == before
        if changed:
            assert (status, json.loads(body)["error"]["type"]) == (400, "idempotency_error")
        else:
            assert (status, body) == (done.status, done.body)

    @invariant()
    def the_books_are_right(self) -> None:
        if not hasattr(self, "accounts"):
            return
        own, theirs = (self.truth(account) for account in self.accounts)
        for truth in (own, theirs):
            the_balance_is_the_sum_of_its_entries(truth)
            an_entry_is_its_amount_less_its_fees(truth)
            no_refund_exceeds_its_charge(truth)
            an_intent_takes_once_and_no_more_than_agreed(truth)
            a_dispute_takes_what_it_says(truth)
        a_platform_gets_the_fee_that_was_agreed(own, theirs)
        for account, truth in zip(self.accounts, (own, theirs), strict=True):
            for payout in truth["payouts"]:
                if payout["automatic"]:
                    self.the_items_of_a_payout_are_its_sum(account, payout)
        what_one_gives_the_other_gets(own["balance_transactions"], theirs)

    def the_items_of_a_payout_are_its_sum(self, account: str | None, payout: Json) -> None:
        params = {"payout": payout["id"], "limit": 100}
        items = self.get("/v1/balance_transactions", account, **params)["data"]
        listed = [item["net"] for item in items if item["id"] != payout["balance_transaction"]]
        assert sum(listed) == payout["amount"]


def loud(**_: Any) -> None:
    """Let a bug of the stand-in end the test instead of an answer."""
    raise  # noqa: PLE0704 - called where an exception is being handled


def the_balance_is_the_sum_of_its_entries(truth: Json) -> None:
    for status in ("available", "pending"):
        sums: Counter[str] = Counter()
        for entry in truth["balance_transactions"]:
            if entry["status"] == status:
                sums[entry["currency"]] += entry["net"]
        shown = {line["currency"]: line["amount"] for line in truth["balance"][status]}
        assert {c: n for c, n in shown.items() if n} == {c: n for c, n in sums.items() if n}


def an_entry_is_its_amount_less_its_fees(truth: Json) -> None:
    for entry in truth["balance_transactions"]:
        assert entry["net"] == entry["amount"] - entry["fee"]
        assert entry["fee"] == sum(line["amount"] for line in entry["fee_details"])


def no_refund_exceeds_its_charge(truth: Json) -> None:
    refunded: Counter[str] = Counter()
    for refund in truth["refunds"]:
        waits = refund.get("pending_reason") == "charge_pending"
        if refund["status"] not in {"failed", "canceled"} and not waits:
            refunded[refund["charge"]] += refund["amount"]
    for charge in truth["charges"]:
        if not charge["captured"]:
            assert refunded[charge["id"]] == 0
            continue
        assert charge["amount_refunded"] <= charge["amount_captured"] <= charge["amount"]
        assert charge["amount_refunded"] == refunded[charge["id"]]
        assert charge["refunded"] == (charge["amount_refunded"] == charge["amount_captured"])


def an_intent_takes_once_and_no_more_than_agreed(truth: Json) -> None:
    for intent in truth["payment_intents"]:
        taken = [
            charge["amount_captured"] for charge in truth["charges"]
            if charge["payment_intent"] == intent["id"] and charge["captured"]
        ]  # fmt: skip
        assert len(taken) <= 1
        assert sum(taken) == intent["amount_received"] <= intent["amount"]
        assert (intent["status"] == "succeeded") == bool(taken)


def a_dispute_takes_what_it_says(truth: Json) -> None:
    for dispute in truth["disputes"]:
        moved = sum(entry["amount"] for entry in dispute["balance_transactions"])
        taken = dispute["status"] in {"needs_response", "under_review", "lost"}
        assert moved == (-dispute["amount"] if taken else 0)


def a_platform_gets_the_fee_that_was_agreed(own: Json, theirs: Json) -> None:
    agreed = [
        min(charge["application_fee_amount"], charge["amount_captured"])
        for charge in own["charges"] + theirs["charges"]
        if charge["payment_intent"] and charge["captured"] and charge["application_fee_amount"]
    ]
    entries = own["balance_transactions"]
    assert sorted(agreed) == sorted(e["amount"] for e in entries if e["type"] == "application_fee")


def what_one_gives_the_other_gets(own: list[Json], theirs: Json) -> None:
    sent_on = {c["id"] for c in theirs["charges"] if c["source_transfer"]}
    entries = theirs["balance_transactions"]
    fees = [line for entry in entries for line in entry["fee_details"]]
    refunds = {refund["id"] for refund in theirs["refunds"]}
    pairs = {
        "application_fee": [f["amount"] for f in fees if f["type"] == "application_fee"],
        "application_fee_refund": amounts(entries, "adjustment", "fr_"),
        "transfer": [a for e in entries if e["source"] in sent_on for a in [e["amount"]]],
        "transfer_refund": [
            entry["amount"]
            for entry in entries
            if entry["type"] == "payment_refund" and entry["source"] not in refunds
        ],
    }
    signs = {"application_fee": 1}
    for kind, received in pairs.items():
        given = [entry["amount"] * signs.get(kind, -1) for entry in own if entry["type"] == kind]
        assert sorted(given) == sorted(received), kind


def amounts(entries: list[Json], kind: str, source: str) -> list[int]:
    return [e["amount"] for e in entries if e["type"] == kind and e["source"].startswith(source)]


TestDays = Days.TestCase
TestDays.settings = settings(
    max_examples=70, stateful_step_count=35, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
