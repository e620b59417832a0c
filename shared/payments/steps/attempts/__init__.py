"""An attempt moves on; whether what Stripe tells of is one of ours."""
