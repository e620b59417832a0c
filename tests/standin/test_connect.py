"""Connect: onboarding, OAuth, whose objects and whose money."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import stripe

from local.standin import StandIn
from tests.standin.doubles import BAKERY, Browser, Connect, Control, Pay, Sent, Time

LINK = {
    "refresh_url": "http://127.0.0.1:9/refresh", "return_url": "http://127.0.0.1:9/return",
    "type": "account_onboarding",
}  # fmt: skip


@pytest.fixture
def account(client: stripe.StripeClient) -> Any:
    return client.v1.accounts.create({"country": "US", "email": "shop@example.com"})


def test_onboarding_enables_charges_and_tells_the_platform(
    client: stripe.StripeClient, browser: Browser, standin: StandIn, account: Any
) -> None:
    client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hook", "enabled_events": ["account.updated"], "connect": True}
    )
    assert account.charges_enabled is False
    url = client.v1.account_links.create({"account": account.id, **LINK}).url
    assert "Agree and submit" in browser.get(url).body.decode()

    answer = browser.post(url)

    assert (answer.status, answer.headers["Location"]) == (303, LINK["return_url"])
    assert client.v1.accounts.retrieve(account.id).charges_enabled is True
    heard: list[Any] = []
    standin.deliveries.run_due(lambda _url, _headers, body: heard.append(json.loads(body)) or 200)
    (event,) = heard
    assert (event["type"], event["account"]) == ("account.updated", account.id)
    before = event["data"]["previous_attributes"]
    assert before["charges_enabled"] is False
    assert "tos_acceptance.date" in before["requirements"]["currently_due"]


def test_an_onboarding_link_opens_once(
    client: stripe.StripeClient, browser: Browser, account: Any
) -> None:
    url = client.v1.account_links.create({"account": account.id, **LINK}).url
    browser.get(url)

    assert browser.get(url).headers["Location"] == LINK["refresh_url"]


@pytest.mark.parametrize("name", ["refresh_url", "return_url"])
def test_an_onboarding_link_leads_back_to_the_web_only(
    client: stripe.StripeClient, account: Any, name: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.account_links.create({"account": account.id, **LINK, name: "javascript:alert(1)"})

    assert (caught.value.code, caught.value.param) == ("url_invalid", name)


def test_a_link_to_update_is_for_accounts_that_the_platform_asks_itself(
    client: stripe.StripeClient, browser: Browser, account: Any
) -> None:
    update: Any = {**LINK, "type": "account_update"}
    with pytest.raises(stripe.InvalidRequestError, match=r'are \["account_onboarding"\]'):
        client.v1.account_links.create({"account": account.id, **update})

    custom = client.v1.accounts.create({"country": "US", "type": "custom"}).id
    page = browser.get(client.v1.account_links.create({"account": custom, **update}).url)

    assert "Update the details of" in page.body.decode()


def test_what_the_merchant_says_of_the_business_is_kept(
    client: stripe.StripeClient, browser: Browser, account: Any
) -> None:
    url = client.v1.account_links.create({"account": account.id, **LINK}).url

    browser.post(url, business_name="Rosa & Sons", business_type="individual")

    kept = client.v1.accounts.retrieve(account.id)
    assert (kept.business_profile.name, kept.business_type) == ("Rosa & Sons", "individual")
    again = client.v1.account_links.create({"account": account.id, **LINK}).url
    assert "Rosa &amp; Sons" in browser.get(again).body.decode()


def test_later_leads_back_though_nothing_is_submitted(
    client: stripe.StripeClient, browser: Browser, account: Any
) -> None:
    url = client.v1.account_links.create({"account": account.id, **LINK}).url

    assert f'href="{LINK["return_url"]}">Later</a>' in browser.get(url).body.decode()
    assert client.v1.accounts.retrieve(account.id).details_submitted is False


def test_a_person_who_cannot_be_verified_leaves_the_account_restricted(
    client: stripe.StripeClient, browser: Browser, standin: StandIn, account: Any
) -> None:
    url = client.v1.account_links.create({"account": account.id, **LINK}).url

    browser.post(url, id_number="111111111")

    found = client.v1.accounts.retrieve(account.id)
    assert (found.charges_enabled, found.details_submitted) == (False, True)
    assert found.requirements.disabled_reason == "requirements.past_due"
    assert found.requirements.past_due == ["representative.verification.document"]
    assert found.requirements.errors[0].code == "verification_failed_keyed_identity"


def test_an_account_that_stops_to_be_verified_says_so_in_events(
    client: stripe.StripeClient, browser: Browser, account: Any
) -> None:
    client.v1.accounts.update(account.id, {"capabilities": {"card_payments": {"requested": True}}})
    browser.post(client.v1.account_links.create({"account": account.id, **LINK}).url)
    assert client.v1.accounts.capabilities.retrieve(account.id, "card_payments").status == "active"

    client.v1.accounts.update(account.id, {"individual": {"id_number": "111111111"}})

    options = {"stripe_account": account.id}
    lost, told, *_ = client.v1.events.list({}, options).data
    assert (lost.type, told.type) == ("capability.updated", "account.updated")
    assert lost.data.object.id == "card_payments"
    assert (lost.data.previous_attributes.status, lost.data.object.status) == ("active", "inactive")
    assert lost.data.object.requirements.disabled_reason == "requirements.fields_needed"
    assert told.data.previous_attributes.charges_enabled is True


def test_a_test_can_bring_an_account_wherever_stripe_might(
    client: stripe.StripeClient, browser: Browser, control: Control, sent: Sent, account: Any
) -> None:
    browser.post(client.v1.account_links.create({"account": account.id, **LINK}).url)
    client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hook", "enabled_events": ["account.updated"], "connect": True}
    )

    for state, enabled in (("restricted", False), ("pending", False), ("active", True)):
        control("POST", "accounts", account=account.id, state=state)
        assert client.v1.accounts.retrieve(account.id).charges_enabled is enabled
    sent.deliver()

    assert [json.loads(body)["data"]["object"]["charges_enabled"] for _, _, body in sent] == [
        False, False, True,
    ]  # fmt: skip
    assert "restricted" in control("POST", "accounts", account=account.id, state="odd")["error"]


def test_a_platform_that_is_liable_rejects_an_account(
    client: stripe.StripeClient, browser: Browser
) -> None:
    account = client.v1.accounts.create({"country": "US", "type": "express"})
    browser.post(client.v1.account_links.create({"account": account.id, **LINK}).url)

    rejected = client.v1.accounts.reject(account.id, {"reason": "fraud_other"})

    assert (rejected.charges_enabled, rejected.payouts_enabled) == (False, False)
    assert rejected.requirements.disabled_reason == "rejected.platform_fraud"


def test_an_account_that_stripe_answers_for_is_not_the_platforms_to_reject(
    client: stripe.StripeClient, account: Any
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="liable"):
        client.v1.accounts.reject(account.id, {"reason": "other"})


@pytest.mark.parametrize(
    ("given", "kind", "liable"),
    [
        ({"type": "express"}, "express", "application"),
        ({"type": "custom"}, "custom", "application"),
        ({"controller": {"losses": {"payments": "application"}}}, "none", "application"),
        ({}, "standard", "stripe"),
    ],
)
def test_type_and_controller_say_the_same(
    client: stripe.StripeClient, given: Any, kind: str, liable: str
) -> None:
    account = client.v1.accounts.create({"country": "US", **given})

    assert account.type == kind
    assert account.controller.losses.payments == liable


def test_consent_gives_a_code_that_connects_once(
    client: stripe.StripeClient, connect: Connect, browser: Browser
) -> None:
    answer = browser.post(
        "http://127.0.0.1/oauth/authorize",
        client_id="ca_1", redirect_uri="http://127.0.0.1:9/cb", state="s1", scope="read_write",
    )  # fmt: skip
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert back["state"] == ["s1"]
    code = {"grant_type": "authorization_code", "code": back["code"][0]}
    token = client.oauth.token(code)

    merchant = connect(token.access_token.removeprefix("sk_test_"))
    assert merchant.v1.accounts.retrieve_current().id == token.stripe_user_id
    with pytest.raises(stripe.oauth_error.InvalidGrantError):
        client.oauth.token(code)


def test_a_seller_who_denies_is_sent_back_with_the_reason(browser: Browser) -> None:
    answer = browser.post(
        "http://127.0.0.1/oauth/authorize",
        client_id="ca_1", redirect_uri="http://127.0.0.1:9/cb", state="s1", outcome="deny",
    )  # fmt: skip

    assert "error=access_denied" in answer.headers["Location"]


ASKED = {
    "response_type": "code", "client_id": "ca_" + "tulips" * 4, "scope": "read_write",
    "redirect_uri": "http://127.0.0.1:9/cb?from=stripe", "state": "a b&c/=%",
}  # fmt: skip
AUTHORIZE = "http://127.0.0.1/oauth/authorize"


def consent(browser: Browser, **fields: str) -> dict[str, str]:
    """Press Connect, and give what comes back."""
    answer = browser.post(AUTHORIZE, **{**ASKED, **fields})
    assert answer.status == 303
    return {
        name: values[0]
        for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()
    }


def test_the_consent_page_names_who_asks_and_who_may_connect(
    client: stripe.StripeClient, connect: Connect, browser: Browser
) -> None:
    shop = connect(BAKERY).v1.accounts.retrieve_current()

    page = browser.get(f"{AUTHORIZE}?{urlencode(ASKED)}").body.decode()

    assert "<h1>Tulips wants to connect with your account</h1>" in page
    assert f"value={shop.id}" in page
    assert "Bakery" in page
    assert 'name=state value="a b&amp;c/=%"' in page


def test_the_account_that_was_picked_connects(
    client: stripe.StripeClient, connect: Connect, browser: Browser
) -> None:
    shop = connect(BAKERY).v1.accounts.retrieve_current()

    back = consent(browser, account=shop.id)

    assert (back["state"], back["from"]) == (ASKED["state"], "stripe")
    token = client.oauth.token({"grant_type": "authorization_code", "code": back["code"]})
    assert token.stripe_user_id == shop.id
    assert token.scope == "read_write"
    assert client.v1.accounts.retrieve(shop.id).id == shop.id
    key = token.access_token.removeprefix("sk_test_")
    assert connect(key).v1.accounts.retrieve_current().id == shop.id


def test_a_new_account_has_the_name_that_was_given(
    client: stripe.StripeClient, browser: Browser
) -> None:
    code = consent(browser, business_name="Rocket Rides")["code"]

    token = client.oauth.token({"grant_type": "authorization_code", "code": code})

    account = client.v1.accounts.retrieve(token.stripe_user_id)
    assert account.settings.dashboard.display_name == "Rocket Rides"


def test_a_code_used_twice_takes_back_the_key_it_gave(
    client: stripe.StripeClient, connect: Connect, browser: Browser
) -> None:
    code = {"grant_type": "authorization_code", "code": consent(browser)["code"]}
    token = client.oauth.token(code)

    with pytest.raises(stripe.oauth_error.InvalidGrantError, match="already been used"):
        client.oauth.token(code)

    with pytest.raises(stripe.AuthenticationError):
        connect(token.access_token.removeprefix("sk_test_")).v1.balance.retrieve()


def test_a_code_lives_five_minutes(
    client: stripe.StripeClient, browser: Browser, time: Time
) -> None:
    code = consent(browser)["code"]
    time.now += 5 * 60

    with pytest.raises(stripe.oauth_error.InvalidGrantError, match="expired"):
        client.oauth.token({"grant_type": "authorization_code", "code": code})


def test_a_code_is_of_use_to_its_application_only(
    client: stripe.StripeClient, connect: Connect, browser: Browser
) -> None:
    client.oauth.token({"grant_type": "authorization_code", "code": consent(browser)["code"]})
    code = consent(browser)["code"]

    with pytest.raises(stripe.oauth_error.InvalidGrantError, match="belong"):
        connect(BAKERY).oauth.token({"grant_type": "authorization_code", "code": code})


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"scope": "everything"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_a_wrong_request_is_told_at_the_redirect_uri(
    browser: Browser, wrong: dict[str, str], error: str
) -> None:
    answer = browser.get(f"{AUTHORIZE}?{urlencode({**ASKED, **wrong})}")

    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert (back["error"], back["state"]) == ([error], [ASKED["state"]])


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "http://a\r\nSet-Cookie: x"])
def test_nobody_is_sent_to_what_is_no_address(browser: Browser, url: str) -> None:
    for answer in (
        browser.get(f"{AUTHORIZE}?{urlencode({**ASKED, 'redirect_uri': url})}"),
        browser.post(AUTHORIZE, **{**ASKED, "redirect_uri": url}),
    ):
        assert answer.status == 400
        assert "redirect_uri" in answer.body.decode()


def test_a_platform_hears_who_connects_and_who_leaves(
    client: stripe.StripeClient, sent: Sent
) -> None:
    client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hook", "enabled_events": ["*"], "connect": True}
    )
    token = client.oauth.token({"grant_type": "authorization_code", "code": "ac_123"})
    client.oauth.deauthorize({"stripe_user_id": token.stripe_user_id, "client_id": "ca_1"})
    sent.deliver()

    assert sent.types == ["account.application.authorized", "account.application.deauthorized"]
    assert all(json.loads(body)["account"] == token.stripe_user_id for _, _, body in sent)


def test_a_refresh_token_ends_with_the_connection(client: stripe.StripeClient) -> None:
    token = client.oauth.token({"grant_type": "authorization_code", "code": "ac_123"})
    again = {"grant_type": "refresh_token", "refresh_token": token.refresh_token}
    assert client.oauth.token(again).stripe_user_id == token.stripe_user_id
    client.oauth.deauthorize({"stripe_user_id": token.stripe_user_id, "client_id": "ca_1"})

    with pytest.raises(stripe.oauth_error.InvalidGrantError):
        client.oauth.token(again)


def test_a_deauthorized_account_is_out_of_reach(client: stripe.StripeClient) -> None:
    token = client.oauth.token({"grant_type": "authorization_code", "code": "ac_123"})
    options = {"stripe_account": token.stripe_user_id}
    client.v1.customers.list({}, options)
    client.oauth.deauthorize({"stripe_user_id": token.stripe_user_id, "client_id": "ca_1"})

    with pytest.raises(stripe.PermissionError) as caught:
        client.v1.customers.list({}, options)

    assert (caught.value.http_status, caught.value.error.code) == (403, "account_invalid")


def test_a_direct_charge_pays_its_platform_a_fee(
    client: stripe.StripeClient, account: Any, time: Time
) -> None:
    options = {"stripe_account": account.id}
    paid = client.v1.payment_intents.create(
        {
            "amount": 5000, "currency": "usd", "confirm": True, "off_session": True,
            "payment_method": "pm_card_visa", "application_fee_amount": 500,
        },
        options,
    )  # fmt: skip
    time.now += 1

    charge = client.v1.charges.retrieve(
        paid.latest_charge, {"expand": ["balance_transaction"]}, options
    )
    assert charge.balance_transaction.fee == 175 + 500
    assert client.v1.charges.list().data == []
    (fee,) = client.v1.application_fees.list().data
    assert (fee.amount, fee.account) == (500, account.id)
    assert client.v1.balance.retrieve().available[0].amount == 500


def test_the_platforms_publishable_key_acts_for_the_account_as_well(
    client: stripe.StripeClient, connect: Connect, account: Any
) -> None:
    options = {"stripe_account": account.id}
    made = client.v1.payment_intents.create({"amount": 500, "currency": "usd"}, options)
    front = connect(kind="pk")

    seen = front.v1.payment_intents.retrieve(
        made.id, {"client_secret": str(made.client_secret)}, options
    )

    assert seen.id == made.id
    with pytest.raises(stripe.InvalidRequestError):
        front.v1.payment_intents.retrieve(made.id, {"client_secret": str(made.client_secret)})


def test_a_destination_charge_sends_the_rest_on(
    client: stripe.StripeClient, account: Any, pay: Pay, time: Time
) -> None:
    paid = pay(5000, application_fee_amount=500, transfer_data={"destination": account.id})
    time.now += 1

    charge = client.v1.charges.retrieve(paid.latest_charge)
    transfer = client.v1.transfers.retrieve(charge.transfer)
    assert (transfer.amount, transfer.destination) == (5000, account.id)
    theirs = client.v1.balance.retrieve({}, {"stripe_account": account.id})
    assert theirs.available[0].amount == 4500
    assert client.v1.balance.retrieve().available[0].amount == 5000 - 175 - 5000 + 500


def test_a_fee_without_connect_is_refused(pay: Pay) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay(5000, application_fee_amount=500)

    assert caught.value.param == "application_fee_amount"


CORE: Any = {
    "contact_email": "shop@example.com", "display_name": "Rosa", "dashboard": "full",
    "identity": {"country": "de", "entity_type": "company"},
    "configuration": {"merchant": {"capabilities": {"card_payments": {"requested": True}}}},
    "defaults": {
        "responsibilities": {"fees_collector": "stripe", "losses_collector": "stripe"},
    },
}  # fmt: skip
EVERYTHING: Any = ["configuration.merchant", "defaults", "identity", "requirements"]


def test_accounts_v2_are_the_same_accounts(client: stripe.StripeClient) -> None:
    made = client.v2.core.accounts.create(CORE)

    same = client.v1.accounts.retrieve(made.id)
    assert (same.email, same.country) == ("shop@example.com", "DE")
    assert same.capabilities.to_dict() == {"card_payments": "inactive"}
    assert made.id in {account.id for account in client.v1.accounts.list().data}
    assert client.v2.core.accounts.retrieve(made.id).contact_email == "shop@example.com"


def test_an_account_v2_shows_only_what_is_included(client: stripe.StripeClient) -> None:
    made = client.v2.core.accounts.create(CORE)
    assert (made.configuration, made.identity, made.requirements) == (None, None, None)
    assert made.applied_configurations == ["merchant"]

    whole = client.v2.core.accounts.retrieve(made.id, {"include": EVERYTHING})

    assert whole.configuration.merchant.capabilities.card_payments.status == "restricted"
    assert whole.identity.country == "de"
    assert whole.defaults.responsibilities.requirements_collector == "stripe"
    assert whole.requirements.summary.minimum_deadline.status == "past_due"
    assert "tos_acceptance.date" in [each.description for each in whole.requirements.entries]


def test_an_account_v2_is_onboarded_through_its_link(
    client: stripe.StripeClient, browser: Browser
) -> None:
    made = client.v2.core.accounts.create(CORE)
    link = client.v2.core.account_links.create({
        "account": made.id,
        "use_case": {
            "type": "account_onboarding",
            "account_onboarding": {"refresh_url": LINK["refresh_url"]},
        },
    })  # fmt: skip
    assert "Set up payments for Rosa" in browser.get(link.url).body.decode()

    assert browser.post(link.url).headers["Location"] == LINK["refresh_url"]

    whole = client.v2.core.accounts.retrieve(made.id, {"include": EVERYTHING})
    assert whole.configuration.merchant.capabilities.card_payments.status == "active"
    assert whole.requirements.entries == []


def test_what_an_update_of_v2_does_not_name_stays(client: stripe.StripeClient) -> None:
    made = client.v2.core.accounts.create(CORE)

    client.v2.core.accounts.update(made.id, {"identity": {"entity_type": "individual"}})

    whole = client.v2.core.accounts.retrieve(made.id, {"include": EVERYTHING})
    assert (whole.identity.country, whole.identity.entity_type) == ("de", "individual")
    assert whole.display_name == "Rosa"


def test_accounts_v2_come_in_pages(client: stripe.StripeClient) -> None:
    made = [client.v2.core.accounts.create({"contact_email": "a@example.com"}).id for _ in range(5)]

    listed = client.v2.core.accounts.list({"limit": 2})

    assert len(listed.data) == 2
    assert sorted(account.id for account in listed.auto_paging_iter()) == sorted(made)


def test_not_every_platform_may_make_accounts(
    client: stripe.StripeClient, control: Control, account: Any
) -> None:
    platform = client.v1.accounts.retrieve_current().id

    control("POST", "platforms", account=platform, makes="v1")
    with pytest.raises(stripe.InvalidRequestError, match="Accounts v2 is not enabled"):
        client.v2.core.accounts.create({"display_name": "Rosa"})
    assert client.v1.accounts.create({"country": "US"}).id != account.id

    control("POST", "platforms", account=platform, makes="none")
    with pytest.raises(stripe.InvalidRequestError, match="signed up for Connect"):
        client.v1.accounts.create({"country": "US"})


def test_connected_accounts_are_listed_page_by_page(client: stripe.StripeClient) -> None:
    made = [client.v1.accounts.create({"country": "US"}).id for _ in range(12)]

    first = client.v1.accounts.list({"limit": 11})
    rest = client.v1.accounts.list({"limit": 11, "starting_after": first.data[-1].id})
    later = client.v1.accounts.list({"created": {"gt": first.data[0].created}})

    assert [each.id for each in (*first.data, *rest.data)] == made[::-1]
    assert (first.has_more, rest.has_more, later.data) == (True, False, [])
