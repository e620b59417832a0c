"""The steps that use cases share, above all those that apply money."""
