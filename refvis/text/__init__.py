"""Text for people: columns and escapes for a terminal, and numbers that can be added up."""
