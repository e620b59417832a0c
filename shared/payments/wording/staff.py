"""The texts for the merchant's own people, in English: they read it beside Stripe's Dashboard."""

LOCALE = "en"
SENTENCES = {
    "sale.subject": "{amount} received from {customer} for invoice {number}",
    "sale.title": "{amount} received from {customer}",
    "sale.paid": "Invoice {number} is now paid in full.",
    "sale.part": "Invoice {number} is partly paid; {left} is open.",
    "blocked.subject": "A payment of {amount} for invoice {number} was blocked",
    "blocked.title": "Stripe has blocked a payment of {amount}",
    "blocked.body": "Stripe's rules stopped it before the bank was asked, so no money was moved. "
    "{customer} was only told that the payment did not go through.",
    "refund_failed.subject": "A refund of {amount} for invoice {number} did not arrive",
    "refund_failed.title": "{amount} could not be given back to {customer}",
    "refund_failed.body": "The money is back in your Stripe balance. Give it back another way.",
    "dispute.subject": "{customer} disputes {amount} of invoice {number}",
    "dispute.title": "{amount} is disputed",
    "dispute.body": "The payer's bank has taken the money back for now. Answer with evidence before"
    " Stripe's date, or the dispute is lost.",
    "deadline.subject": "{days} left to answer the dispute over {amount} of invoice {number}",
    "deadline.title": "{days} left to answer {customer}'s dispute",
    "deadline.body": "The payer's bank takes an answer until {until}. Without evidence by then, "
    "{amount} is lost.",
    "dispute_won.subject": "Dispute won: {amount} for invoice {number}",
    "dispute_won.title": "The dispute over {amount} is won",
    "dispute_won.body": "The money is yours again.",
    "dispute_lost.subject": "Dispute lost: {amount} for invoice {number}",
    "dispute_lost.title": "The dispute over {amount} is lost",
    "dispute_lost.body": "The money stays with the payer.",
    "mail_bounced.subject": "A mail to {whom} came back",
    "mail_bounced.title": "A mail to {whom} came back",
    "mail_bounced.body": "Nothing more is sent to that address, and sending a link to it is "
    "refused, so that your other mails keep arriving.",
    "mail_bounced.next": "Correct the address. If it works again: POST "
    "/v1/notifications/lift-suppression. GET /v1/notifications?invoice= shows what became of every "
    "mail; of a day's addresses only the first few are mailed to you.",
    "mail_email_refused.subject": "Stripe refuses the e-mail address of {whom}",
    "mail_email_refused.title": "{whom} cannot pay: Stripe refuses their e-mail address",
    "mail_email_refused.body": "A payment was tried, and nothing was charged. Stripe takes none of "
    "this customer as long as the address is not corrected.",
    "mail_email_refused.next": "Correct the customer's email: PUT /v1/customers/{{ref}}.",
    "mail_name_refused.subject": "Stripe refuses the name of {whom}",
    "mail_name_refused.title": "{whom} cannot pay: Stripe refuses their name",
    "mail_name_refused.body": "A payment was tried, and nothing was charged. Stripe takes none of "
    "this customer as long as the name is not corrected.",
    "mail_name_refused.next": "Correct the customer's name: PUT /v1/customers/{{ref}}.",
    "mail_complained.subject": "A mail to {whom} was marked as spam",
    "mail_complained.title": "A mail to {whom} was marked as spam",
    "mail_complained.body": "Nothing more is sent to that address, not even confirmations: "
    "mails to people who complain keep those to everybody else from arriving.",
    "mail_complained.next": "Ask them another way. If they want mails again, an administrator "
    "lifts it: POST /v1/notifications/lift-suppression.",
    "mail_held_address.subject": "Too many mails to one customer: more are not sent",
    "mail_held_address.title": "Too many mails to one customer",
    "mail_held_address.body": "The limit of mails to one address in 24 hours, {limit}, was reached "
    "at {until}. Those that follow are not sent, and not sent later, either.",
    "mail_held_address.next": "The timeline of each invoice names the mails. Find what sends so "
    "many, or raise mail_limits.address: PATCH /v1/settings.",
    "mail_held_tenant.subject": "Too many mails: more are not sent",
    "mail_held_tenant.title": "Your limit of mails is reached",
    "mail_held_tenant.body": "The limit of mails in 24 hours, {limit}, was reached at {until}. "
    "Those that follow are not sent, and not sent later, either; mails to you about disputes and "
    "accounts still are.",
    "mail_held_tenant.next": "The timeline of each invoice names the mails. Find what sends so "
    "many, or raise mail_limits.tenant: PATCH /v1/settings.",
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
    """Return a sentence with `values` filled in unchanged."""
    return SENTENCES[sentence].format(**values)


def reason(code: str | None) -> tuple[str, str]:
    """Return the label and the reason: Stripe's and our own codes are words with underscores."""
    return "Reason", (code or "unknown").replace("_", " ")
