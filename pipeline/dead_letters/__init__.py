"""What could not be sent: dead letters as operators see them, and what a redrive does with each."""
