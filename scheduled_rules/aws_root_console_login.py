def succeeded(event):
    return event.get("login_result") == "Success"


def rule(event):
    return event.get("eventName") == "ConsoleLogin" and event.deep_get("userIdentity", "type") == "Root"


def title(event):
    verb = "logged in to" if succeeded(event) else "failed to log in to"
    return f"AWS: root {verb} the console of account {event.get('recipientAccountId')}"


def dedup(event):
    return f"{event.get('recipientAccountId')} {event.get('login_result')}"


def severity(event):
    if not succeeded(event):
        return "MEDIUM"
    return "CRITICAL" if event.get("mfa_used") != "Yes" else "DEFAULT"


def alert_context(event):
    return {
        "account_id": event.get("recipientAccountId"),
        "client_ip": event.get("sourceIPAddress"),
        "user_agent": event.get("userAgent"),
        "mfa_used": event.get("mfa_used"),
    }
