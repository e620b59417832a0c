"""Who is told what: the outbox, mails, events."""
