"""Book a dispute."""
