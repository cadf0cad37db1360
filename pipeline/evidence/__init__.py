"""What is known of each route: counted from attempts, receipts and entered codes."""
