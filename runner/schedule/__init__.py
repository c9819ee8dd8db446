"""When a query is due, and which of its due times have been seen to."""
