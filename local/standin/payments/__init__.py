"""Cards and debits, intents, charges, and what becomes of them: refunds and disputes."""
