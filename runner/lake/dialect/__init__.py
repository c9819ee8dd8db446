"""SQL as written becomes SQL that DuckDB answers, at a given time.

Each pass is a module that can be read and tested alone; `compiler` says in which order they run.
"""
