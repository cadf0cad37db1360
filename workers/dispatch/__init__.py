"""The dispatcher: request or second look -> route -> provider -> attempt."""
