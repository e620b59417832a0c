"""Checkout Sessions and payment links, with what they sell and the hosted pages."""
