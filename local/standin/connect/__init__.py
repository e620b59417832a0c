"""Accounts, and how a platform comes to act for them: onboarding, OAuth, v2."""
