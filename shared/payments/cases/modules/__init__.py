"""What a payment module may do, and who may use it."""
