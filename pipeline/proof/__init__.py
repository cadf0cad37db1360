"""What proves where a word comes from: keyed digests, tokens, sessions, request ids."""
