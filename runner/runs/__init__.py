"""One run of one scheduled query: its key, its states and its outcome."""
