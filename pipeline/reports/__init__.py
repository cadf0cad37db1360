"""What people read of it all: the board, why a code went the way it went, postmortems, the figures of the promise."""
