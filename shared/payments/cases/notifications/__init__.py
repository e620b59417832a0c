"""Mails and events go out, and come back."""
