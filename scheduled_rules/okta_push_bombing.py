def gave_in(event):
    """Whether a push was accepted after the last one that was refused."""
    accepted = event.get("last_accepted")
    return bool(accepted) and str(accepted) > str(event.get("last_refused"))


def rule(event):
    return event.get("pushes_refused", 0) >= 5


def title(event):
    ending = "gave in" if gave_in(event) else "refused them all"
    return f"Okta: {event.get('account')} was flooded with push notifications and {ending}"


def dedup(event):
    return event.get("account") or ""


def severity(event):
    return "CRITICAL" if gave_in(event) else "DEFAULT"


def alert_context(event):
    return {
        "pushes_refused": event.get("pushes_refused"),
        "first_refused": event.get("first_refused"),
        "last_refused": event.get("last_refused"),
        "last_accepted": event.get("last_accepted"),
        "client_ips": event.get("client_ips"),
    }
