USED_REGIONS = {"eu-central-1", "eu-west-1", "us-east-1", "us-west-2"}


def rule(event):
    return event.get("awsRegion") not in USED_REGIONS and event.get("eventCategory") == "Management"


def title(event):
    return f"Call in {event.get('awsRegion')} by {event.deep_get('userIdentity', 'arn', default='unknown')}"


def dedup(event):
    return event.deep_get("userIdentity", "arn", default="")


def alert_context(event):
    return {
        "eventName": event.get("eventName"),
        "eventSource": event.get("eventSource"),
        "awsRegion": event.get("awsRegion"),
        "recipientAccountId": event.get("recipientAccountId"),
        "sourceIPAddress": event.get("sourceIPAddress"),
        "userAgent": event.get("userAgent"),
        "userIdentity": event.get("userIdentity"),
        "resources": [resource.get("ARN") for resource in event.get("resources") or []],
        "tags": event.deep_get("requestParameters", "tags", default=[]),
        "addresses": event.get("p_any_ip_addresses"),
    }
