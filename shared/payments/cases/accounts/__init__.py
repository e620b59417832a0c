"""How an account is connected, cared for, and let go of."""
