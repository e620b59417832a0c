"""The requests to Stripe, by subject; `gateway` is the way in."""
