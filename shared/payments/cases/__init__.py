"""The use cases, a module for each, and none imports another; imports steps and what is below."""
