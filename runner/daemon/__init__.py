"""The process that runs for months: it records what falls due, has it run, and misses nothing."""
