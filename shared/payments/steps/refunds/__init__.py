"""Send a refund once, and book it."""
