"""Routes of one subject that a function serves among others."""
