"""An account's money: balance and its lines, payouts, and what platforms and accounts share."""
