from account_kinds import account_kind


def user_of(event):
    return event.deep_get("userIdentity", "userName", default="unknown user")


def rule(event):
    return event.get("mfa_used") == "No"


def title(event):
    return f"AWS: {user_of(event)} logged in to the console of {event.get('recipientAccountId')} without MFA"


def dedup(event):
    return event.deep_get("userIdentity", "arn", default="")


def severity(event):
    # A service has no business at the console.
    return "HIGH" if account_kind(user_of(event)) in ("admin", "service") else "DEFAULT"


def alert_context(event):
    return {
        "user": user_of(event),
        "client_ip": event.get("sourceIPAddress"),
        "user_agent": event.get("userAgent"),
    }
