"""The outbox, and the mails and events that are sent from it."""
