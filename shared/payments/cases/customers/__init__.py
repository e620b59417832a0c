"""Customers: their saved cards, and a person's rights."""
