"""A caller that writes strange records: batches made byte by byte, transactions, deletions."""
