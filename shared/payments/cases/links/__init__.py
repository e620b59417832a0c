"""Pay links: made by staff, seen and paid by the payer."""
