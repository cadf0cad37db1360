"""The statistics: what each route does, counted from the stream, and where the messages go because of it."""
