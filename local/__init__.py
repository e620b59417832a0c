"""The stack on one machine: emulated AWS, the stand-in for Stripe, the commands that run them."""
