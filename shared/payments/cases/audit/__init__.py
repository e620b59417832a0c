"""The audit trail is read."""
