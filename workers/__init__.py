"""What runs: one folder for each process, a consumer group or an HTTP server, and what processes share."""
