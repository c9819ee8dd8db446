# Logs that expire sooner than this are gone before anybody looks.
SHORTEST_EXPIRY_DAYS = 7

# Prefixes that mean every object of a bucket.
EVERYTHING = (None, "", "*", "/")


def short_name(event):
    return event.deep_get("userIdentity", "arn", default="unknown principal").rsplit("/", maxsplit=1)[-1]


def trail(event):
    """What was stopped or deleted; its kind of name depends on the call."""
    parameters = event.get("requestParameters") or {}
    name = (
        parameters.get("name")
        or parameters.get("trailName")
        or parameters.get("bucketName")
        or parameters.get("eventDataStore")
        or parameters.get("configurationRecorderName")
    )
    return name or "an audit log"


def is_thinned_out(event):
    """A trail that from now on leaves out what people do to the account."""
    selectors = event.deep_get("requestParameters", "eventSelectors", default=[])
    return any(
        not selector.get("includeManagementEvents", True) or selector.get("readWriteType") == "ReadOnly"
        for selector in selectors
    )


def empties_bucket(lifecycle_rule):
    days = lifecycle_rule.deep_get("Expiration", "Days")
    prefix = lifecycle_rule.deep_get("Filter", "Prefix") or lifecycle_rule.get("Prefix")
    is_enabled = lifecycle_rule.get("Status") == "Enabled"
    return is_enabled and prefix in EVERYTHING and days is not None and int(days) < SHORTEST_EXPIRY_DAYS


def expires_soon(event):
    """A bucket that from now on drops all it holds within days: so trails are emptied without a DeleteTrail."""
    rules = event.deep_get("requestParameters", "LifecycleConfiguration", "Rule", default=[])
    return any(empties_bucket(entry) for entry in ([rules] if hasattr(rules, "get") else rules))


def rule(event):
    name = event.get("eventName", "")
    if name == "PutEventSelectors":
        return is_thinned_out(event)
    if name == "PutBucketLifecycle":
        return expires_soon(event)
    return name.startswith(("Stop", "Delete"))


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
