"""Receivable: Stripe payments for the invoices a business already has."""
