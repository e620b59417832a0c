"""Answer a payer's bank."""
