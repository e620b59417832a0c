"""Connect an account, care for it, and disconnect it."""
