"""May this be sent, may this be entered: what an entered code says, and about whom."""
