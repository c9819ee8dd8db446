from account_kinds import account_kind


def rule(event):
    return event.get("days_silent", 0) >= 30


def title(event):
    return f"Okta: {event.get('account')} logged in after {event.get('days_silent')} days of silence"


def dedup(event):
    return event.get("account") or ""


def severity(event):
    return "DEFAULT" if account_kind(event.get("account")) == "plain" else "HIGH"


def alert_context(event):
    return {
        "client_ip": event.get("client_ip"),
        "city": event.get("city"),
        "country": event.get("country"),
        "previous_login": event.get("previous_login"),
    }
