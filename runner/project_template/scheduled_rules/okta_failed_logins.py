def rule(event):
    return event.deep_get("outcome", "result") == "FAILURE"


def title(event):
    return f"Failed logins of {event.deep_get('actor', 'alternateId', default='somebody')}"


def dedup(event):
    return event.deep_get("client", "ipAddress", default="")
