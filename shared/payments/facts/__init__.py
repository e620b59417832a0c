"""The nouns that are stored or sent, each with its own rules; imports only money and errors."""
