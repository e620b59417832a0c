"""What every answer carries, whoever asked and however it ended."""

#: Two years. Subdomains are left out: a deployment stands under a domain of its merchant's choice.
SECURE = {
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
}
