"""The headers of every answer, whoever asked and however it ended."""

#: Two years. Subdomains are left out: a deployment's domain belongs to its merchant.
SECURE = {
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
}
