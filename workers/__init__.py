"""What runs: one file per process, each a consumer group or an HTTP server."""
