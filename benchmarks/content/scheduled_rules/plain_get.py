TRAIL_CALLS = {"StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"}


def rule(event):
    return (
        event.get("eventType") == "AwsApiCall"
        and event.get("eventName") in TRAIL_CALLS
        and not event.get("errorCode")
    )


def title(event):
    return f"{event.get('eventName')} in account {event.get('recipientAccountId')}"


def dedup(event):
    return event.get("userIdentity", {}).get("arn", "")
