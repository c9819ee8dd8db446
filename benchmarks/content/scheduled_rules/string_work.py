from fnmatch import fnmatch

TOOLS = [
    "*pacu/*",
    "*cloudgoat*",
    "*scoutsuite*",
    "*prowler-*",
    "*kali*linux*",
    "*steampipe*",
    "*trufflehog*",
]


def rule(event):
    agent = event.get("userAgent", "").lower().strip()
    return any(fnmatch(agent, tool) for tool in TOOLS)


def title(event):
    agent = event.get("userAgent", "").split(" ")[0].partition("/")[0]
    return f"{agent.title()} used by {event.deep_get('userIdentity', 'arn', default='').rsplit('/', 1)[-1]}"


def dedup(event):
    return event.deep_get("userIdentity", "arn", default="").lower()
