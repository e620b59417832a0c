"""The payer's pages: plain HTML that works without JavaScript and asks nobody else for anything."""

from html import escape

from payments.cases.paying import LinkView
from payments.facts.invoice import Invoice, InvoiceStatus
from payments.money import Money

_STYLE = """
body{font:1.05rem/1.5 system-ui,sans-serif;margin:0;background:#f4f5f7;color:#1b1f24}
main{max-width:30rem;margin:3rem auto;padding:2rem;background:#fff;border-radius:12px}
h1{font-size:1.3rem;margin:0 0 1rem}
.amount{font-size:2.2rem;font-weight:600;margin:.5rem 0}
table{width:100%;border-collapse:collapse}
td{padding:.3rem 0;border-top:1px solid #e4e7eb}
td+td{text-align:right}
button{width:100%;padding:.8rem;border:0;border-radius:8px;font:inherit;font-weight:600}
button{background:#0b5fff;color:#fff}
button:focus-visible{outline:3px solid #9bbcff}
.note{color:#57606a}
.done{color:#116329;font-weight:600}
"""
#: No script, no frame, nothing from elsewhere; the form leads here, and its answer on to Stripe.
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
        "frame-ancestors 'none'; form-action {}"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


def security(checkout_origin: str) -> dict[str, str]:
    """Return the headers of a page whose form may lead to `checkout_origin`."""
    policy = SECURITY["Content-Security-Policy"].format(f"'self' {checkout_origin}")
    return {**SECURITY, "Content-Security-Policy": policy}


def pay_page(view: LinkView, path: str) -> str:
    """Return the page of a pay link: what is owed and a button, or what became of it."""
    invoice = view.invoice
    lines = "".join(
        _row(f"{line.quantity} x {line.description}", line.amount, invoice)
        for line in invoice.lines
    )
    paid = _row("Paid", -invoice.paid, invoice) if invoice.paid else ""
    message = f'<p class="note">{escape(view.link.message)}</p>' if view.link.message else ""
    body = (
        f"<h1>Invoice {escape(invoice.number)} from {escape(view.merchant)}</h1>{message}"
        f"<table>{lines}{_row('Total', invoice.total, invoice)}{paid}</table>{_state(view, path)}"
    )
    return page(f"Invoice {invoice.number}", body)


def notice(title: str, text: str) -> str:
    """Return a page that says one thing."""
    return page(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>")


def page(title: str, body: str) -> str:
    """Return a whole page; `body` is escaped already."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )


def _row(label: str, amount: int, invoice: Invoice) -> str:
    return (
        f"<tr><td>{escape(label)}</td><td>{escape(str(Money(amount, invoice.currency)))}</td></tr>"
    )


def _state(view: LinkView, path: str) -> str:
    invoice = view.invoice
    if invoice.status is InvoiceStatus.PAID:
        return '<p class="done">This invoice is paid. Thank you.</p>'
    if invoice.status is InvoiceStatus.VOID:
        return "<p>This invoice was withdrawn. There is nothing to pay.</p>"
    if invoice.status is InvoiceStatus.DRAFT:
        return "<p>This invoice is not ready yet.</p>"
    if invoice.open_disputes:
        return "<p>A payment of this invoice is disputed. Nothing can be paid until that ends.</p>"
    if invoice.collection == "processing":
        return "<p>Your payment is being processed. There is nothing else to do.</p>"
    left = invoice.collectable + invoice.reserved
    asked = min(view.link.amount or left, left)
    return (
        f'<p class="amount">{escape(str(Money(asked, invoice.currency)))}</p>'
        f'<form method="post" action="{escape(path)}/pay"><button type="submit">Pay</button></form>'
        '<p class="note">You pay on a page of Stripe. Card details never come to us.</p>'
    )
