"""A dispute is booked."""
