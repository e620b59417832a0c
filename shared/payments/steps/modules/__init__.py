"""Decide whether a caller may use a module, and how often."""
