"""A loss: what a payer's bank takes for good from the customer's credit and from invoices."""

from collections import Counter
from collections.abc import Iterable, Mapping

from payments.facts.fact import Fact
from payments.facts.payment import Allocation, Payment


class Loss(Fact):
    """What a lost dispute took: from the customer's credit first, then from paid invoices."""

    credit: int = 0
    parts: tuple[Allocation, ...] = ()
    #: What was taken beyond all that the payment has brought and that stayed: owed by nobody.
    beyond: int = 0

    @property
    def total(self) -> int:
        """The whole amount."""
        return self.credit + self.beyond + sum(part.amount for part in self.parts)

    def of(self, invoice: str) -> int:
        """Return the amount that one invoice lost."""
        return sum(part.amount for part in self.parts if part.invoice == invoice)

    def instead_of(self, before: "Loss", lost: Iterable[Allocation]) -> tuple[Allocation, ...]:
        """Return what a payment has `lost` in all disputes, with this loss instead of `before`."""
        amounts = Counter({"": self.credit - before.credit})
        for sign, parts in ((1, lost), (1, self.parts), (-1, before.parts)):
            for part in parts:
                amounts[part.invoice] += sign * part.amount
        return _parts(amounts)


def lose(loss: Loss, target: int, payment: Payment, stayed: Mapping[str, int]) -> Loss:
    """
    Return the `loss` with the amount `target`, divided again.

    The payment's unapplied amount, the customer's credit, goes first. Then come its allocations in
    order, each up to the money that `stayed` with the invoice. The bank may take more than that,
    where money was given back before; no invoice asks for more than its own total because of it.
    """
    left, parts = target, dict[str, int]()
    credit = min(left, payment.unapplied + loss.credit)
    left -= credit
    for each in payment.allocations:
        room = stayed[each.invoice] + loss.of(each.invoice) - parts.get(each.invoice, 0)
        part = min(left, each.amount, max(0, room))
        parts[each.invoice] = parts.get(each.invoice, 0) + part
        left -= part
    return Loss(credit=credit, parts=_parts(parts), beyond=left)


def _parts(amounts: Mapping[str, int]) -> tuple[Allocation, ...]:
    return tuple(
        Allocation(invoice=name, amount=amount) for name, amount in amounts.items() if amount
    )
