"""May this caller use this module, and how often."""
