"""Which files the lake consists of, and which times they hold: a cache beside the lake that can be built again."""
