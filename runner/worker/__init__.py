"""The process in which a query and its rules run, and the pool of such processes.

Rows never leave it: what crosses the border are jobs on the way in, matches and counts on the way out.
"""
