def short_name(event):
    return event.deep_get("userIdentity", "arn", default="unknown principal").rsplit("/", maxsplit=1)[-1]


def trail(event):
    """What was stopped or deleted; its kind of name depends on the call."""
    parameters = event.get("requestParameters") or {}
    name = (
        parameters.get("name")
        or parameters.get("eventDataStore")
        or parameters.get("configurationRecorderName")
    )
    return name or "an audit log"


def rule(event):
    return event.get("eventName", "").startswith(("Stop", "Delete"))


def title(event):
    verb = "tried to call" if event.get("errorCode") else "called"
    return f"AWS: {short_name(event)} {verb} {event.get('eventName')} on {trail(event)}"


def dedup(event):
    return f"{event.get('recipientAccountId')} {event.get('eventName')} {trail(event)}"


def severity(event):
    if event.get("errorCode"):
        return "MEDIUM"
    return "CRITICAL" if event.get("eventName", "").startswith("Delete") else "DEFAULT"


def alert_context(event):
    return {
        "principal": event.deep_get("userIdentity", "arn"),
        "client_ip": event.get("sourceIPAddress"),
        "region": event.get("awsRegion"),
        "error": event.get("errorCode"),
    }
