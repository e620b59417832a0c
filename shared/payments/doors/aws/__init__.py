"""The wire to AWS: signed JSON over HTTPS, what is tried again, and what an answer means."""
