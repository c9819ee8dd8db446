"""Where alerts go: what a message says, who gets it, and how each service takes it."""
