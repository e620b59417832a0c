"""What use cases share, above all applying money; imports doors and what is below."""
