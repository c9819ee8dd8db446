import re

title = 'Failed logins'
severity = lambda event: 'HIGH'
description = re.compile('x').pattern


async def dedup(event):
    return 'x'


def rule(event):
    return event.get("failures", 0) > 5
