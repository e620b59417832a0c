"""A walk through every operation of the stand-in, so that the schema judges every kind of answer.

It asks for objects as full as Stripe makes them: paid, declined, refunded, disputed, expanded.
"""

from __future__ import annotations

import io
from contextlib import suppress
from typing import Any

import stripe

Json = dict[str, Any]
BACK = "http://127.0.0.1:9/back"
USD = {"currency": "usd"}
DAY_S = 24 * 3600
UNCLEAR = "pm_card_refundRequiresAction"
CARDS = (
    "pm_card_amex", "pm_card_visa_chargeDeclined", "pm_card_chargeDeclinedExpiredCard",
    "pm_card_radarBlock", "pm_card_riskLevelElevated", "pm_card_threeDSecure2Required",
    "pm_card_createDisputeInquiry", "pm_card_refundFail", "pm_usBankAccount",
    "pm_usBankAccount_noAccount",
)  # fmt: skip


class Clock:
    """Time that stands still until the tour has to wait."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now

    def wait(self, days: int) -> None:
        self.now += days * DAY_S


class Tour:
    """The SDK as a transport only: what is sent is what stands here."""

    def __init__(self, client: stripe.StripeClient, clock: Clock) -> None:
        self._client = client
        self.clock = clock

    def get(self, path: str, **params: Any) -> Json:
        return self._client.raw_request("get", path, **params).data

    def post(self, path: str, **params: Any) -> Json:
        return self._client.raw_request("post", path, **params).data

    def delete(self, path: str) -> Json:
        return self._client.raw_request("delete", path).data

    def run(self) -> None:
        self.customers()
        self.setups()
        self.payments()
        self.charges()
        self.refunds()
        self.disputes()
        self.doubts()
        self.catalogue()
        self.checkout()
        self.payment_links()
        self.accounts()
        self.accounts_of_the_second_api()
        self.shares()
        self.payouts()
        self.endpoints_and_events()
        self.mistakes()

    def pay(self, amount: int = 5000, card: str = "pm_card_visa", **more: Any) -> Json:
        given = {"amount": amount, "payment_method": card, "confirm": True, "return_url": BACK}
        return self.post("/v1/payment_intents", **{**USD, **given, **more})

    def customers(self) -> None:
        address = {"line1": "1 High Street", "city": "Leeds", "country": "GB"}
        ada = self.post("/v1/customers", name="Ada", email="ada@example.com", address=address)["id"]
        self.post(f"/v1/customers/{ada}", phone="+15550001", metadata={"tenant": "north"})
        self.get("/v1/customers", email="ada@example.com")
        self.get(f"/v1/customers/{ada}")
        self.get("/v1/customers/search", query="metadata['tenant']:'north'")
        self.cards(ada)
        self.delete(f"/v1/customers/{ada}")
        self.get(f"/v1/customers/{ada}")

    def cards(self, customer: str) -> None:
        made = self.post("/v1/payment_methods", type="card", card={"token": "tok_visa"})["id"]
        fresh = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
        token = self.post("/v1/tokens", card=fresh)["id"]
        self.get(f"/v1/tokens/{token}")
        self.post("/v1/payment_methods", type="card", card={"token": token})
        self.post(f"/v1/payment_methods/{made}/attach", customer=customer)
        self.post(f"/v1/payment_methods/{made}", billing_details={"name": "Ada"})
        self.get("/v1/payment_methods", customer=customer)
        self.get(f"/v1/payment_methods/{made}", expand=["customer"])
        self.get(f"/v1/customers/{customer}/payment_methods")
        self.get(f"/v1/customers/{customer}/payment_methods/{made}")
        self.post(f"/v1/payment_methods/{made}/detach")

    def setups(self) -> None:
        customer = self.post("/v1/customers")["id"]
        waiting = self.post("/v1/setup_intents", customer=customer)["id"]
        self.post(f"/v1/setup_intents/{waiting}", metadata={"k": "v"})
        self.post(
            f"/v1/setup_intents/{waiting}/confirm", payment_method="pm_card_visa", return_url=BACK
        )
        self.get(f"/v1/setup_intents/{waiting}", expand=["customer", "payment_method"])
        asked = {"payment_method": "pm_card_authenticationRequired", "confirm": True}
        self.post("/v1/setup_intents", customer=customer, return_url=BACK, **asked)
        self.post(f"/v1/setup_intents/{self.post('/v1/setup_intents')['id']}/cancel")
        self.get("/v1/setup_intents", expand=["data.latest_attempt"])
        self.get("/v1/setup_attempts", setup_intent=waiting)

    def payments(self) -> None:
        waiting = self.post("/v1/payment_intents", amount=1000, **USD)["id"]
        self.post(f"/v1/payment_intents/{waiting}", amount=1100)
        self.post(
            f"/v1/payment_intents/{waiting}/confirm", payment_method="pm_card_visa", return_url=BACK
        )
        everything = ["latest_charge.balance_transaction", "payment_method", "customer"]
        self.get(f"/v1/payment_intents/{waiting}", expand=everything)
        held = self.pay(capture_method="manual")["id"]
        self.post(f"/v1/payment_intents/{held}/capture", amount_to_capture=1200)
        only_cards = {"allowed_payment_method_types": ["card"]}
        canceled = self.post("/v1/payment_intents", amount=900, **USD, **only_cards)["id"]
        self.post(f"/v1/payment_intents/{canceled}/cancel", cancellation_reason="abandoned")
        for card in CARDS:
            with suppress(stripe.CardError):
                self.pay(card=card)
        for debit in ("pm_sepaDebit", "pm_sepaDebit_fails"):
            paid = self.pay(card=debit, currency="eur", expand=["latest_charge"])
            details = paid["latest_charge"]["payment_method_details"]
            self.get(f"/v1/mandates/{details['sepa_debit']['mandate']}")
        self.clock.wait(days=14)
        self.get("/v1/payment_intents", limit=100, expand=["data.latest_charge"])
        self.get("/v1/payment_intents/search", query="status:'succeeded'")

    def charges(self) -> None:
        charge = self.post("/v1/charges", amount=3000, source="tok_visa", capture=False, **USD)
        path = f"/v1/charges/{charge['id']}"
        self.post(f"{path}/capture")
        self.post(path, description="T-shirts")
        self.post(f"{path}/refunds", amount=500)
        self.get(f"{path}/refunds")
        self.get(path, expand=["refunds", "balance_transaction", "payment_intent"])
        self.get("/v1/charges", limit=100, expand=["data.refunds"])
        self.get("/v1/charges/search", query="amount>1")

    def refunds(self) -> None:
        paid = self.pay()["id"]
        refund = self.post("/v1/refunds", payment_intent=paid, amount=700)["id"]
        self.post(f"/v1/refunds/{refund}", metadata={"k": "v"})
        self.get(f"/v1/refunds/{refund}", expand=["charge", "payment_intent"])
        waiting = self.pay(card=UNCLEAR)["id"]
        self.post(f"/v1/refunds/{self.post('/v1/refunds', payment_intent=waiting)['id']}/cancel")
        expiring = self.post("/v1/refunds", payment_intent=self.pay(card=UNCLEAR)["id"])["id"]
        self.post(f"/v1/test_helpers/refunds/{expiring}/expire")
        failing = self.pay(card="pm_card_refundFail")["id"]
        self.post("/v1/refunds", payment_intent=failing)
        self.clock.wait(days=2)
        self.get("/v1/refunds", limit=100, expand=["data.balance_transaction"])

    def disputes(self) -> None:
        for text in ("winning_evidence", "losing_evidence"):
            paid = self.pay(card="pm_card_createDispute")["id"]
            dispute = self.get("/v1/disputes", payment_intent=paid)["data"][0]["id"]
            self.get(f"/v1/disputes/{dispute}", expand=["charge", "payment_intent"])
            self.post(f"/v1/disputes/{dispute}", evidence={"uncategorized_text": text}, submit=True)
        receipt = io.BytesIO(b"%PDF-1.7 receipt")
        receipt.name = "receipt.pdf"
        sent = {"purpose": "dispute_evidence", "file": receipt}
        self.get(f"/v1/files/{self._client.v1.files.create(sent).id}")
        self.pay(card="pm_card_createDisputeProductNotReceived")
        self.post(f"/v1/disputes/{self.get('/v1/disputes')['data'][0]['id']}/close")

    def doubts(self) -> None:
        """Hold payments for a review, and hear the network's warnings."""
        for card in ("pm_card_riskLevelElevated", "pm_card_createIssuerFraudRecord"):
            self.pay(card=card)
        review = self.get("/v1/reviews", expand=["data.charge"])["data"][0]["id"]
        self.get(f"/v1/reviews/{review}")
        self.post(f"/v1/reviews/{review}/approve")
        warnings = "/v1/radar/early_fraud_warnings"
        warning = self.get(warnings, expand=["data.payment_intent"])["data"][0]["id"]
        self.get(f"{warnings}/{warning}")

    def catalogue(self) -> None:
        product = self.post("/v1/products", name="T-shirt", metadata={"size": "m"})["id"]
        self.post(f"/v1/products/{product}", description="Cotton")
        self.get(f"/v1/products/{product}")
        self.get(f"/v1/products/{product}/features")
        self.get("/v1/products")
        self.get("/v1/products/search", query="metadata['size']:'m'")
        self.delete(f"/v1/products/{self.post('/v1/products', name='Cap')['id']}")
        self.price = self.post("/v1/prices", product=product, unit_amount=1500, **USD)["id"]
        self.post(f"/v1/prices/{self.price}", metadata={"size": "m"})
        monthly = {"interval": "month"}
        self.post("/v1/prices", product=product, unit_amount=900, recurring=monthly, **USD)
        self.get(f"/v1/prices/{self.price}", expand=["product"])
        self.get("/v1/prices", expand=["data.product"])
        self.get("/v1/prices/search", query="metadata['size']:'m'")

    @property
    def items(self) -> list[Json]:
        return [{"price": self.price, "quantity": 2}]

    def session(self, **more: Any) -> str:
        return self.post(
            "/v1/checkout/sessions", mode="payment", line_items=self.items, success_url=BACK, **more
        )["id"]

    def checkout(self) -> None:
        sessions = "/v1/checkout/sessions"
        paid = self.session(client_reference_id="o-1", allowed_payment_method_types=["card"])
        self.post(f"{sessions}/{paid}", metadata={"k": "v"})
        self.get(f"/v1/payment_pages/{paid}")
        self.post(f"/v1/payment_pages/{paid}/confirm", payment_method="pm_card_visa")
        self.get(f"{sessions}/{paid}", expand=["line_items", "payment_intent", "customer"])
        self.get(f"{sessions}/{paid}/line_items")
        self.post(f"{sessions}/{self.session()}/expire")
        customer = self.post("/v1/customers")["id"]
        self.post(sessions, mode="setup", customer=customer, success_url=BACK, **USD)
        embedded = {"ui_mode": "embedded_page", "return_url": BACK, "line_items": self.items}
        self.post(sessions, mode="payment", **embedded)
        self.get(sessions, expand=["data.setup_intent"])

    def payment_links(self) -> None:
        link = self.post("/v1/payment_links", line_items=self.items)["id"]
        self.post(f"/v1/payment_links/{link}", active=False)
        self.get(f"/v1/payment_links/{link}", expand=["line_items"])
        self.get(f"/v1/payment_links/{link}/line_items")
        self.get("/v1/payment_links")

    def accounts(self) -> None:
        self.get("/v1/account")
        capabilities = {"card_payments": {"requested": True}, "transfers": {"requested": True}}
        made = self.post("/v1/accounts", country="US", type="express", capabilities=capabilities)
        self.merchant = made["id"]
        path = f"/v1/accounts/{self.merchant}"
        self.post(path, metadata={"tenant": "north"}, business_profile={"name": "Shop"})
        self.get(path)
        self.get(f"{path}/capabilities")
        self.get(f"{path}/capabilities/transfers")
        self.post(f"{path}/capabilities/transfers", requested=True)
        self.get("/v1/accounts")
        again = {"type": "account_onboarding", "refresh_url": BACK, "return_url": BACK}
        self.post("/v1/account_links", account=self.merchant, **again)
        components = {"payments": {"enabled": True}, "account_onboarding": {"enabled": True}}
        self.post("/v1/account_sessions", account=self.merchant, components=components)
        token = self.post("/oauth/token", grant_type="authorization_code", code="ac_123")
        account = token["stripe_user_id"]
        self.post("/oauth/deauthorize", client_id="ca_conformance", stripe_user_id=account)
        refused = f"/v1/accounts/{self.post('/v1/accounts', country='US', type='custom')['id']}"
        self.post(f"{refused}/reject", reason="other")
        self.delete(refused)

    def accounts_of_the_second_api(self) -> None:
        accounts = "/v2/core/accounts"
        configuration = {"merchant": {}, "customer": {}}
        made = self.post(
            accounts, contact_email="shop@example.com", display_name="Shop", dashboard="full",
            identity={"country": "us"}, configuration=configuration,
            include=["configuration.merchant", "identity"],
        )["id"]  # fmt: skip
        self.post(f"{accounts}/{made}", contact_email="books@example.com")
        self.get(f"{accounts}/{made}", include=["identity", "requirements", "defaults"])
        self.get(accounts)
        onboarding = {"refresh_url": BACK, "return_url": BACK}
        use_case = {"type": "account_onboarding", "account_onboarding": onboarding}
        self.post("/v2/core/account_links", account=made, use_case=use_case)
        self.event_destinations()

    def event_destinations(self) -> None:
        path = "/v2/core/event_destinations"
        made = self.post(
            path, name="Books", type="webhook_endpoint", event_payload="snapshot",
            enabled_events=["charge.succeeded"], webhook_endpoint={"url": BACK},
            include=["webhook_endpoint.url", "webhook_endpoint.signing_secret"],
        )["id"]  # fmt: skip
        self.get(path)
        self.get(f"{path}/{made}")
        self.post(f"{path}/{made}", description="for the books")
        self.post(f"{path}/{made}/disable")
        self.post(f"{path}/{made}/enable")
        self.delete(f"{path}/{made}")

    def shares(self) -> None:
        paid = self.pay(application_fee_amount=500, transfer_data={"destination": self.merchant})
        self.clock.now += 1
        self.get(
            f"/v1/payment_intents/{paid['id']}",
            expand=["latest_charge.transfer", "latest_charge.application_fee"],
        )
        back = {"reverse_transfer": True, "refund_application_fee": True, "amount": 700}
        self.post("/v1/refunds", payment_intent=paid["id"], **back)
        self.get("/v1/transfers", expand=["data.source_transaction"])
        fees = self.get("/v1/application_fees", expand=["data.charge"])["data"]
        fee = f"/v1/application_fees/{fees[0]['id']}"
        self.get(fee)
        self.post(f"{fee}/refunds", amount=100)
        self.get(f"{fee}/refunds")
        sent = self.post("/v1/transfers", amount=400, destination=self.merchant, **USD)["id"]
        self.get(f"/v1/transfers/{sent}", expand=["balance_transaction"])
        self.get("/v1/transfers")
        self.pay(application_fee_amount=50, stripe_account=self.merchant)
        self.clock.now += 1
        self.get("/v1/charges", stripe_account=self.merchant, expand=["data.application_fee"])

    def payouts(self) -> None:
        self.get("/v1/balance")
        entries = self.get("/v1/balance_transactions", limit=100, expand=["data.source"])["data"]
        self.get(f"/v1/balance_transactions/{entries[0]['id']}")
        self.get(f"/v1/balance/history/{entries[0]['id']}")
        canceled = self.post("/v1/payouts", amount=100, **USD)["id"]
        self.post(f"/v1/payouts/{canceled}/cancel")
        paid = self.post("/v1/payouts", amount=200, **USD)["id"]
        self.post(f"/v1/payouts/{paid}", metadata={"k": "v"})
        self.clock.wait(days=7)
        self.post(f"/v1/payouts/{paid}/reverse")
        self.get(f"/v1/payouts/{paid}", expand=["balance_transaction"])
        self.get("/v1/payouts")

    def endpoints_and_events(self) -> None:
        made = self.post("/v1/webhook_endpoints", url=BACK, enabled_events=["*"])["id"]
        self.post(f"/v1/webhook_endpoints/{made}", description="books", disabled=True)
        self.get(f"/v1/webhook_endpoints/{made}")
        self.get("/v1/webhook_endpoints")
        self.delete(f"/v1/webhook_endpoints/{made}")
        events = self.get("/v1/events", limit=100)
        while events["has_more"]:
            events = self.get("/v1/events", limit=100, starting_after=events["data"][-1]["id"])
        self.get(f"/v1/events/{events['data'][0]['id']}")

    def mistakes(self) -> None:
        """Ask for what is refused: errors have a published shape too, each API its own."""
        unpaid = self.post("/v1/payment_intents", amount=500, **USD)["id"]
        typo = {"emial": "ada@example.com"}
        refused: list[tuple[str, str, Json]] = [
            ("get", "/v1/customers/cus_none", {}),
            ("get", "/v1/nonsense", {}),
            ("get", "/v2/core/accounts/acct_none", {}),
            ("post", "/v1/customers", typo),
            ("post", "/v1/refunds", {"payment_intent": unpaid}),
            ("post", "/v2/core/accounts", typo),
        ]
        for method, path, params in refused:
            with suppress(stripe.StripeError):
                self._client.raw_request(method, path, **params)
