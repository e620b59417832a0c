"""What the merchant's own people are told, in English: they read it beside Stripe's Dashboard."""

LOCALE = "en"
SENTENCES = {
    "sale.subject": "{amount} received from {customer} for invoice {number}",
    "sale.title": "{amount} received from {customer}",
    "sale.paid": "Invoice {number} is now paid in full.",
    "sale.part": "Invoice {number} is partly paid; {left} are open.",
    "blocked.subject": "A payment of {amount} for invoice {number} was blocked",
    "blocked.title": "Stripe has blocked a payment of {amount}",
    "blocked.body": "Stripe's rules stopped it before the bank was asked, so no money was moved. "
    "{customer} was only told that the payment did not go through.",
    "refund_failed.subject": "A refund of {amount} for invoice {number} did not arrive",
    "refund_failed.title": "{amount} could not be given back to {customer}",
    "refund_failed.body": "The money is back in your Stripe balance. Give it back another way.",
    "dispute.subject": "{customer} disputes {amount} of invoice {number}",
    "dispute.title": "{amount} are disputed",
    "dispute.body": "The payer's bank has taken the money back for now. Answer with evidence before"
    " Stripe's date, or the dispute is lost.",
    "deadline.subject": "{days} left to answer the dispute over {amount} of invoice {number}",
    "deadline.title": "{days} left to answer {customer}'s dispute",
    "deadline.body": "The payer's bank takes an answer until {until}. Without evidence by then, "
    "{amount} are lost.",
    "dispute_won.subject": "Dispute won: {amount} for invoice {number}",
    "dispute_won.title": "The dispute over {amount} is won",
    "dispute_won.body": "The money is yours again.",
    "dispute_lost.subject": "Dispute lost: {amount} for invoice {number}",
    "dispute_lost.title": "The dispute over {amount} is lost",
    "dispute_lost.body": "The money stays with the payer.",
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
