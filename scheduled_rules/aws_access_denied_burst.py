def short_name(event):
    """The last part of the principal's ARN: a user, or a role's session."""
    return (event.get("principal") or "unknown principal").rsplit("/", maxsplit=1)[-1]


def tries_everything(event):
    """Somebody asks what a stolen key is good for."""
    return event.get("denials", 0) >= 20 and event.get("actions_tried", 0) >= 8


def runs_through_a_list(event):
    """Somebody's program asks for one thing after another, faster than a job that retries."""
    return event.get("most_in_a_minute", 0) >= 15


def rule(event):
    return tries_everything(event) or runs_through_a_list(event)


def title(event):
    if tries_everything(event):
        return f"AWS: {short_name(event)} was refused {event.get('actions_tried')} different actions"
    return f"AWS: {short_name(event)} was refused {event.get('most_in_a_minute')} times within a minute"


def dedup(event):
    return event.get("principal") or ""


def severity(event):
    # Many services means that somebody asks what a key is good for.
    return "HIGH" if event.get("services_tried", 0) >= 5 else "DEFAULT"


def alert_context(event):
    return {
        "account_id": event.get("account_id"),
        "denials": event.get("denials"),
        "actions": event.get("actions"),
        "client_ips": event.get("client_ips"),
    }
