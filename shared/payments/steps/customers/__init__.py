"""Save a customer's cards, and keep them as Stripe has them."""
