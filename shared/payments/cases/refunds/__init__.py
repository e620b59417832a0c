"""Refund money."""
