"""What Stripe tells of: kept, applied, and fetched where it was lost."""
