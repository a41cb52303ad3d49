"""Numbers that the documentation quotes, and the opponents that they are measured against."""
