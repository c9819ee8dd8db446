"""One alert for many matches."""
