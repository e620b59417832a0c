"""Where every row lives and how it is read, by subject; `store` is the way in."""
