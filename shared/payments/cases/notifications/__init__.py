"""Send mails and events, and follow what comes back."""
