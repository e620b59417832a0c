"""What makes environments, checks, and writes files."""
