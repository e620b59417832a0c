"""The wire to AWS: signed JSON over HTTPS, retries, and the meaning of each answer."""
