"""What a payer's bank takes for good, and of whom: a customer's credit, and what invoices had."""

from collections import Counter
from collections.abc import Iterable, Mapping

from payments.facts.fact import Fact
from payments.facts.payment import Allocation, Payment


class Loss(Fact):
    """What a lost dispute took, and of whom: the customer's credit first, then what was paid."""

    credit: int = 0
    parts: tuple[Allocation, ...] = ()

    @property
    def total(self) -> int:
        """All of it."""
        return self.credit + sum(part.amount for part in self.parts)

    def of(self, invoice: str) -> int:
        """Return what is charged back of one invoice."""
        return sum(part.amount for part in self.parts if part.invoice == invoice)

    def instead_of(self, before: "Loss", lost: Iterable[Allocation]) -> tuple[Allocation, ...]:
        """Return what a payment has `lost` in all its disputes, now that one took this."""
        amounts = Counter({"": self.credit - before.credit})
        for sign, parts in ((1, lost), (1, self.parts), (-1, before.parts)):
            for part in parts:
                amounts[part.invoice] += sign * part.amount
        return _parts(amounts)


def lose(loss: Loss, target: int, payment: Payment, stayed: Mapping[str, int]) -> Loss:
    """
    Return the `loss` as it is with `target`, more or less than now, wherever it came from.

    What is unapplied of the payment goes first, being the customer's credit; then its allocations
    in their order, each as far as the money has `stayed` with the invoice; what a bank takes beyond
    is the first invoice's.
    """
    left, parts = target, dict[str, int]()
    credit = min(left, payment.unapplied + loss.credit)
    left -= credit
    for each in payment.allocations:
        room = stayed[each.invoice] + loss.of(each.invoice) - parts.get(each.invoice, 0)
        part = min(left, each.amount, max(0, room))
        parts[each.invoice] = parts.get(each.invoice, 0) + part
        left -= part
    parts[payment.invoice] = parts.get(payment.invoice, 0) + left
    return Loss(credit=credit, parts=_parts(parts))


def _parts(amounts: Mapping[str, int]) -> tuple[Allocation, ...]:
    return tuple(
        Allocation(invoice=name, amount=amount) for name, amount in amounts.items() if amount
    )
