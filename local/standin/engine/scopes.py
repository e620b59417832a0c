"""The tenancy column: an account, each of its two modes by itself."""

from __future__ import annotations

LIVE = "#live"


def scope_of(account: str, *, livemode: bool) -> str:
    return account + LIVE if livemode else account


def account_of(scope: str) -> str:
    return scope.removesuffix(LIVE)


def is_live(scope: str) -> bool:
    return scope.endswith(LIVE)
