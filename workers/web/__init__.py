"""What our HTTP servers share: problem documents, durable publishing, serving until told to stop."""
