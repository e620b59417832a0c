"""The address of every row and how rows are read, by subject; `store` is the way in."""
