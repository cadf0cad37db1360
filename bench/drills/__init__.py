"""Drills: the outages that this project exists for, caused on the running system, and what it did about them."""
