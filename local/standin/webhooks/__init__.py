"""Events as they are read, and the endpoints that hear of them."""
