"""Book payments that come without Stripe, and find all payments."""
