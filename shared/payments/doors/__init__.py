"""One door for each third party, and Doors, which holds them; imports facts and what is below."""
