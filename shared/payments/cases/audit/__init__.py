"""Read and check the audit trail."""
