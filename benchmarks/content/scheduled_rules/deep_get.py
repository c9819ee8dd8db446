def rule(event):
    return (
        event.deep_get("userIdentity", "sessionContext", "attributes", "mfaAuthenticated") == "false"
        and event.deep_get("userIdentity", "type", default="") == "Root"
        and event.deep_get("requestParameters", "durationSeconds", default=0) >= 3600
    )


def title(event):
    return f"Root session of {event.deep_get('userIdentity', 'accountId', default='an account')}"


def dedup(event):
    return event.deep_get("userIdentity", "arn", default="")
