"""The mails to those who look after an account: it does not work, or it works again."""

from collections.abc import Callable

from payments.facts.account import Account, Slot
from payments.wording.letters import Letter
from payments.wording.staff import tell

LOCALE = "en"
MODES = {"test": "test mode", "live": "live mode"}


def broken(account: Account, mode: str) -> Letter:
    """Return the letter that says what does not work, and what to do about it."""
    slot = account.slot(mode)
    word = _account_words(account, mode, slot)
    missing = tuple(
        (check.permission, check.fix) for check in slot.checks if not check.ok and check.fix
    )
    return Letter(
        locale=LOCALE,
        subject=word("account.error.subject"),
        title=word("account.error.title"),
        paragraphs=(
            word("account.error.reason"),
            word("account.error.effect"),
            word("account.error.next"),
        ),
        facts=missing,
    )


def mended(account: Account, mode: str) -> Letter:
    """Return the letter that says that the account works again, and what is left to do."""
    word = _account_words(account, mode, account.slot(mode))
    return Letter(
        locale=LOCALE,
        subject=word("account.recovered.subject"),
        title=word("account.recovered.title"),
        paragraphs=(word("account.recovered.effect"),),
    )


def _account_words(account: Account, mode: str, slot: Slot) -> Callable[[str], str]:
    def word(name: str) -> str:
        return tell(
            name,
            name=account.name,
            mode=MODES[mode],
            reason=slot.status_reason or f"It is {slot.status}.",
            account=account.id,
        )

    return word
