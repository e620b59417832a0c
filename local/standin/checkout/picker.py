"""The picker of the hosted page: test cards and debits, in groups by what they do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from local.standin.engine.markup import NOTHING, Html, html, joined
from local.standin.payments.cards import CARDS, Card
from local.standin.payments.debits import DEBITS, Debit

AMEX_DIGITS = 15


@dataclass(frozen=True)
class Group:
    """What its choices have in common, as a newcomer reads it."""

    title: str
    hint: str
    mark: str
    sign: str


class Choice(NamedTuple):
    """One payment method to pick."""

    handle: str
    label: str
    number: str


SUCCEEDS = Group("Succeeds", "At once, without a question", "good", "✓")
ASKS = Group("Asks for 3-D Secure", "The payer confirms at the bank first", "ask", "?")
DECLINED = Group("Is declined", "For a reason of your choice", "bad", "✕")
TROUBLE = Group("Succeeds, then trouble", "A dispute, or a refund that fails", "late", "!")
SLOW = Group("Bank debit", "Processing for days, then paid or failed", "slow", "…")


def group_of(card: Card) -> Group:
    if card.authentication != "optional":
        return ASKS
    if card.decline is not None:
        return DECLINED
    return TROUBLE if card.dispute or card.refund != "succeeds" else SUCCEEDS


def spaced(number: str) -> str:
    if len(number) == AMEX_DIGITS:
        return f"{number[:4]} {number[4:10]} {number[10:]}"
    return re.sub(r"(\w{4})(?=\w)", r"\1 ", number)


def offered(kinds: list[str]) -> dict[Group, list[Choice]]:
    """Sort what has a label; `kinds` are the payment method types that the page takes."""
    groups: dict[Group, list[Choice]] = {
        group: [] for group in (SUCCEEDS, ASKS, DECLINED, TROUBLE, SLOW)
    }
    if "card" in kinds:
        for card in CARDS:
            if card.label:
                choice = Choice(f"pm_card_{card.name}", card.label, spaced(card.number))
                groups[group_of(card)].append(choice)
    for debit in DEBITS:
        if debit.label and debit.kind in kinds:
            groups[SLOW].append(Choice(f"pm_{debit.name}", debit.label, numbered(debit)))
    return {group: choices for group, choices in groups.items() if choices}


def numbered(debit: Debit) -> str:
    return f"{'SEPA' if debit.kind == 'sepa_debit' else 'ACH'} …{debit.last4}"


def picker(kinds: list[str], chosen: str, error: str | None) -> Html:
    groups = offered(kinds)
    handles = [choice.handle for choices in groups.values() for choice in choices]
    picked = chosen if chosen in handles else handles[0]
    rows = joined(drawn(group, groups[group], picked, error) for group in groups)
    return html(
        "<fieldset class=choices><legend>Choose a test method</legend>$rows</fieldset>", rows=rows
    )


def drawn(group: Group, choices: list[Choice], picked: str, error: str | None) -> Html:
    return html(
        "<details$open><summary><span class='mark $mark' aria-hidden=true>$sign</span>"
        "<b>$title</b><small>$hint</small></summary>"
        "<fieldset><legend class=unseen>$title</legend>$rows</fieldset></details>",
        open=Html(" open") if picked in [choice.handle for choice in choices] else NOTHING,
        mark=group.mark, sign=group.sign, title=group.title, hint=group.hint,
        rows=joined(row(choice, picked, error) for choice in choices),
    )  # fmt: skip


def row(choice: Choice, picked: str, error: str | None) -> Html:
    refused = error if choice.handle == picked else None
    state = " checked" if choice.handle == picked else ""
    if refused:
        # The keyboard and screen readers begin where the decline is.
        state += " autofocus aria-invalid=true aria-describedby=refusal"
    return html(
        '<label class=choice><input type=radio name=pm value="$handle"$state>'
        "<span>$label</span><span class=number>$number</span></label>$refusal",
        handle=choice.handle, state=Html(state), label=choice.label, number=choice.number,
        refusal=refusal(refused) if refused else NOTHING,
    )  # fmt: skip


def refusal(error: str) -> Html:
    return html(
        "<p class=error id=refusal role=alert>$error Nothing was charged. Try again, or pick "
        "another.</p>",
        error=error,
    )
