"""What happened to an invoice."""
