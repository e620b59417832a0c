"""The edge: requests come in, answers go out, and the rest is wired; imports every other room."""
