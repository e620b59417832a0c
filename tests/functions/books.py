"""How the tests of functions see that the books agree with Stripe's, and bring them to rest."""

from collections import Counter, defaultdict
from typing import Any

from tests.functions.shop import Shop, expect
from tests.functions.world import Json


def balances_by_currency(shop: Shop) -> dict[tuple[str, str], int]:
    """The trial balance by account and currency, without the Stripe account's id in a name."""
    found = expect(200, shop.admin.get("/v1/ledger/trial-balance"))
    assert found["balanced"], found
    assert not any(found["totals"].values()), found
    return {
        (entry["account"].partition(":acc_")[0], entry["currency"]): entry["balance"]
        for entry in found["data"]
    }


def balances(shop: Shop) -> dict[str, int]:
    """What each account of the journal comes to."""
    sums: Counter[str] = Counter()
    for (account, _), amount in balances_by_currency(shop).items():
        sums[account] += amount
    return dict(sums)


def open_balances(shop: Shop) -> dict[str, int]:
    """What each account of the journal comes to, without what is zero."""
    return {account: amount for account, amount in balances(shop).items() if amount}


def assert_books_agree(shop: Shop) -> None:
    """Each charge is booked once, every entry balances, and the balance is the one at Stripe."""
    assert sorted(shop.world.booked(shop.tenant)) == sorted(shop.world.charged(shop.account))
    assert_entries_balance(shop)
    assert_balance_is_stripes(shop)


def assert_entries_balance(shop: Shop) -> None:
    for (_, sk), row in shop.world.rows().items():
        sums: dict[str, int] = defaultdict(int)
        for posting in row["postings"]["L"] if sk.startswith("JOURNAL#") else ():
            sums[posting["M"]["currency"]["S"]] += int(posting["M"]["amount"]["N"])
        assert not any(sums.values()), row


def assert_balance_is_stripes(shop: Shop) -> None:
    """What the journal says is at Stripe is what Stripe itself booked, in each currency."""
    shop.world.deliver()
    stripe: Counter[str] = Counter()
    for entry in shop.world.truth(shop.account)["balance_transactions"]:
        stripe[entry["currency"]] += entry["net"]
    found = balances_by_currency(shop).items()
    ours = Counter({cur: amount for (name, cur), amount in found if name == "stripe_balance"})
    assert ours == stripe


def sweep(shop: Shop, **later: Any) -> Json:
    """Let time pass, and the sweep run."""
    shop.world.advance(**later)
    return dict(shop.world.run("sweep_attempts", {}))


def settle(shop: Shop, *invoices: Json) -> None:
    """Let time pass and the sweep run until nothing is open."""
    for hours in (0, 0, 1, 24, 24):
        sweep(shop, hours=hours, minutes=5)
        if not any(shop.read(invoice)["amounts"]["reserved"] for invoice in invoices):
            return
    raise AssertionError(shop.world.log.getvalue()[-3000:])
