"""What a person gets: the number it goes to, the code, the words, and what they cost."""
