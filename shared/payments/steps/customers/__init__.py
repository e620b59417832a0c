"""A customer's cards, as Stripe has them."""
