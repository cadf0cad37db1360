"""The domain: pure decisions on values. No I/O, no clock, no environment."""
