"""Routes of a subject that a function serves among others."""
