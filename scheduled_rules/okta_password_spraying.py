def rule(event):
    return event.get("accounts_tried", 0) >= 8


def title(event):
    return f"Okta: password spraying from {event.get('client_ip')} against {event.get('accounts_tried')} accounts"


def dedup(event):
    return event.get("client_ip") or ""


def severity(event):
    return "CRITICAL" if event.get("accounts_opened") else "DEFAULT"


def alert_context(event):
    return {
        "client_ip": event.get("client_ip"),
        "country": event.get("country"),
        "failures": event.get("failures"),
        "accounts_opened": event.get("accounts_opened") or [],
        "first_seen": event.get("first_seen"),
        "last_seen": event.get("last_seen"),
    }
