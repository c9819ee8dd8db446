"""Whether a row deserves an alert."""
