"""Through whom a code goes, when again, or never."""
