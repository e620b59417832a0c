"""What people read: amounts and dates as they write them, and the mails, in six languages."""
