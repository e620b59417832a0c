"""The headers of every answer, for any caller and any outcome."""

#: Two years. Subdomains are left out: a deployment's domain belongs to its merchant.
SECURE = {
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
}
