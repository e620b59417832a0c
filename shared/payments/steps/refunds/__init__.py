"""A refund is sent once, and booked."""
