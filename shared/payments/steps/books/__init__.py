"""Compare Stripe with our books, and sum the journal."""
