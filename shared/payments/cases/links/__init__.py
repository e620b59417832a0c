"""Pay links: staff make them, payers see and pay them."""
