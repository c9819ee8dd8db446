"""How many examples property tests try: few with the default tests, `EXAMPLES` times as many in the soak."""

import os

from hypothesis import settings

_TIMES = int(os.environ.get("EXAMPLES", "1"))


def examples(count: int) -> settings:
    """Try so many examples of a test whose examples are dear, or `EXAMPLES` times as many."""
    return settings(max_examples=count * _TIMES)
