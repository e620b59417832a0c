"""The machine under every subject, which it does not know: requests, store, time, deliveries."""
