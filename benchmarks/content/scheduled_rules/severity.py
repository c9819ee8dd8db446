REFUSED = {"AccessDenied", "Client.UnauthorizedOperation"}


def rule(event):
    return event.get("errorCode") in REFUSED and event.get("readOnly") is False


def title(event):
    return f"{event.get('eventName')} was refused"


def dedup(event):
    return event.deep_get("userIdentity", "arn", default="")


def severity(event):
    if event.deep_get("userIdentity", "type") == "Root":
        return "CRITICAL"
    return "HIGH" if event.get("eventSource") == "iam.amazonaws.com" else "DEFAULT"
