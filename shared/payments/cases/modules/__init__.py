"""Configure and certify payment modules, and grant them."""
