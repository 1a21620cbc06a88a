"""Reading of a damaged or hostile file in a child process, which cannot take this one down with it."""
