"""Events as they are read, and the endpoints that get them."""
