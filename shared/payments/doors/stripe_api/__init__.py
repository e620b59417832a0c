"""What Stripe is asked, by subject; `gateway` is the way in."""
