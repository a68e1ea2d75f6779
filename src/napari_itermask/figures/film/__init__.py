"""How a frame of a movie is composed, and how frames become a file."""
