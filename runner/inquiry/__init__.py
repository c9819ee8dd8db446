"""Inquiries: why there is no alert for a row."""
