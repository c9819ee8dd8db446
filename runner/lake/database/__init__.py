"""A database that SQLAlchemy knows, as an engine: the statement is written in its dialect, or refused by name."""
