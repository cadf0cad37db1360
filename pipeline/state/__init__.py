"""What the state store says of itself, and which of it is no good."""
