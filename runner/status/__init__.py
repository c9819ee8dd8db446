"""What can be said from outside: which daemons are alive, and how each query stands."""
