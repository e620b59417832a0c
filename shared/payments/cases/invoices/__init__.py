"""Invoices: made, changed, withdrawn, and explained."""
