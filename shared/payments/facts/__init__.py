"""The nouns, what is stored or said, each with its own rules; imports only money and errors."""
