"""Where requests come in and answers go out, and what wires the rest; imports every other room."""
