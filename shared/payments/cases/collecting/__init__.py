"""Money is collected: a saved card, a storefront, and what a request left behind."""
