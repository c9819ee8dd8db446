"""Run Panther-format scheduled queries and rules on your own data lake."""

__version__ = "0.1.0"
