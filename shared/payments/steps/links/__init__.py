"""A link's token, and what a payer may pay through the link."""
