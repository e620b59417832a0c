"""Tell what happened to an invoice."""
