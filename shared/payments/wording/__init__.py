"""The texts that people read: amounts, dates, pages and mails, in six languages."""
