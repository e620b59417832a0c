"""Create, change, withdraw and explain invoices."""
