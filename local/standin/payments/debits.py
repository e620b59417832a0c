"""Bank debits: processing at first, succeeded or failed days later."""

from __future__ import annotations

from dataclasses import dataclass

from local.standin.engine.messages import Json

CLEARS_AFTER_S = 4 * 24 * 3600
CURRENCIES = {"us_bank_account": "usd", "sepa_debit": "eur"}
KINDS = tuple(CURRENCIES)


@dataclass(frozen=True)
class Debit:
    """One test bank account: `pm_{name}`."""

    name: str
    kind: str
    number: str
    failure: str | None = None
    message: str = ""
    clears_after_s: int = CLEARS_AFTER_S
    label: str | None = None
    """What the hosted page says of it; without one it is not offered there."""

    @property
    def last4(self) -> str:
        return self.number[-4:]


CLOSED = "The customer's bank account has been closed."
MISSING = "The customer's bank account could not be located."
SHORT = "The customer's account has insufficient funds to cover this payment."
REFUSED = "The customer's bank refused the debit."
DEBITS = (
    Debit("usBankAccount", "us_bank_account", "000123456789", label="Succeeds after four days"),
    Debit("usBankAccount_success", "us_bank_account", "000123456789"),
    Debit("usBankAccount_accountClosed", "us_bank_account", "000111111113", "account_closed",
          CLOSED),
    Debit("usBankAccount_noAccount", "us_bank_account", "000111111116", "no_account", MISSING,
          label="Fails after four days: no such account"),
    Debit("usBankAccount_insufficientFunds", "us_bank_account", "000222222227",
          "insufficient_funds", SHORT, label="Fails after four days: insufficient funds"),
    Debit("usBankAccount_debitNotAuthorized", "us_bank_account", "000333333335",
          "debit_not_authorized", REFUSED),
    Debit("sepaDebit", "sepa_debit", "DE89370400440532013000", label="Succeeds after four days"),
    Debit("sepaDebit_succeedsAtOnce", "sepa_debit", "AT611904300234573201", clears_after_s=0),
    Debit("sepaDebit_failsAtOnce", "sepa_debit", "AT861904300235473202", "insufficient_funds",
          SHORT, clears_after_s=0),
    Debit("sepaDebit_fails", "sepa_debit", "DE62370400440532013001", "insufficient_funds", SHORT,
          label="Fails after four days: insufficient funds"),
)  # fmt: skip
BY_NAME = {debit.name: debit for debit in DEBITS}
BY_NUMBER = {debit.number: debit for debit in reversed(DEBITS)}


OF_THE_METHOD_ONLY = frozenset({
    "financial_connections_account", "generated_from", "networks", "status_details",
})  # fmt: skip


def by_handle(handle: str) -> Debit | None:
    return BY_NAME.get(handle.removeprefix("pm_")) if handle.startswith("pm_") else None


def details_of(debit: Debit) -> Json:
    if debit.kind == "sepa_debit":
        return {
            "bank_code": "37040044", "branch_code": "", "country": "DE",
            "fingerprint": f"standin{debit.last4}",
            "generated_from": {"charge": None, "setup_attempt": None}, "last4": debit.last4,
        }  # fmt: skip
    return {
        "account_holder_type": "individual", "account_type": "checking",
        "bank_name": "STRIPE TEST BANK", "financial_connections_account": None,
        "fingerprint": f"standin{debit.last4}", "last4": debit.last4,
        "networks": {"preferred": "ach", "supported": ["ach"]}, "routing_number": "110000000",
        "status_details": {},
    }  # fmt: skip
