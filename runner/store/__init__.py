"""What survives a restart: runs, matches and alerts, in SQLite or PostgreSQL."""
