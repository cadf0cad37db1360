"""What a consumer knows of its partitions: which offsets are finished, what waits, what floods, how old it is."""
