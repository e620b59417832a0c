"""A payer's bank is answered."""
