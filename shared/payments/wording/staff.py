"""What the merchant's own people are told, in English: they read it beside Stripe's Dashboard."""

SENTENCES = {
    "sale.subject": "{amount} received from {customer} for invoice {number}",
    "sale.title": "{amount} received from {customer}",
    "sale.paid": "Invoice {number} is now paid in full.",
    "sale.part": "Invoice {number} is partly paid; {left} are open.",
    "account.error.subject": "Stripe account {name} does not work in {mode}",
    "account.error.title": "Stripe account {name} does not work",
    "account.error.reason": "{reason}",
    "account.error.effect": "Nothing is collected through it in {mode}, and its payment modules of "
    "that mode are Off. What was paid before is not touched.",
    "account.error.next": "GET /v1/accounts/{account}/health shows every problem with what to do "
    "about it. The account is looked at again every hour; you are told once it works.",
    "account.recovered.subject": "Stripe account {name} works again in {mode}",
    "account.recovered.title": "Stripe account {name} works again",
    "account.recovered.effect": "Its payment modules stay Off until somebody switches them on: "
    "POST /v1/payment-modules/{{id}}/state.",
}


def tell(sentence: str, /, **values: str) -> str:
    """Return a sentence with `values` put in as they are."""
    return SENTENCES[sentence].format(**values)
