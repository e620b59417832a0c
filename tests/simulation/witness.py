"""What Stripe does to an invoice's money of itself: a refund that goes through or fails, a loss."""

from dataclasses import replace
from typing import Any

from tests.doubles.invocations import Json
from tests.simulation.history import FOREVER, Act
from tests.simulation.people import People, Sale
from tests.simulation.truth import taken_of

GONE = ("failed", "canceled")


class Witness:
    """Sees every refund and dispute as Stripe writes it, and notes what follows for its sale."""

    def __init__(self, people: People) -> None:
        self._people, self._truth = people, people.world.truth
        self._status: dict[str, str] = {}
        self._truth.seen.append(self._saw)

    def _saw(self, obj: Json) -> None:
        if obj["object"] in {"refund", "dispute"}:
            before = self._status.get(obj["id"], "")
            self._status[obj["id"]] = obj["status"]
            sale = self._sale_of(obj["charge"])
            if sale and before != obj["status"]:
                note = self._note_refund if obj["object"] == "refund" else self._note_dispute
                note(sale, obj, before)

    def _note_refund(self, sale: Sale, refund: Json, before: str) -> None:
        # Whoever refunds in the Dashboard is not asked how: less is owed then.
        note = "refund" not in refund["metadata"] or not sale.reopens
        if refund["status"] == "succeeded":
            self._note(sale, "back", refund["amount"], note=note, ref=refund["id"])
        elif before == "succeeded" and refund["status"] in GONE:
            self._note(sale, "undo", refund["amount"], note=note)

    def _note_dispute(self, sale: Sale, dispute: Json, _before: str) -> None:
        if dispute["status"] == "lost":
            self._note(sale, "lose", taken_of(dispute), ref=dispute["id"])

    def _note(self, sale: Sale, kind: str, amount: int, **more: Any) -> None:
        for each in sale.together:
            each.tangled = True
        now = self._people.world.scheduler.now
        sale.acts.append(Act(kind, now, FOREVER, amount, **more))

    def _sale_of(self, charge: str) -> Sale | None:
        intent = self._truth.kept["charge"][charge]["payment_intent"]
        name = self._truth.kept["payment_intent"][intent]["metadata"].get("invoice")
        return next((sale for sale in self._people.sales if sale.ident == name), None)


def was_told(sale: Sale, ref: str, end: float) -> None:
    """Note that the seller has been told of it: from then on everybody has to see it."""
    sale.acts = [
        replace(act, end=min(act.end, end)) if ref and act.ref == ref else act for act in sale.acts
    ]
