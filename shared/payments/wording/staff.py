"""What the merchant's own people are told, in English: they read it beside Stripe's Dashboard."""

SENTENCES = {
    "sale.subject": "{amount} received from {customer} for invoice {number}",
    "sale.title": "{amount} received from {customer}",
    "sale.paid": "Invoice {number} is now paid in full.",
    "sale.part": "Invoice {number} is partly paid; {left} are open.",
}


def tell(name: str, **values: str) -> str:
    """Return a sentence with `values` put in as they are."""
    return SENTENCES[name].format(**values)
