def short_name(event):
    return (event.get("principal") or "unknown principal").rsplit("/", maxsplit=1)[-1]


def owner(event):
    """Whom the key belongs to; without a name it is the caller's own."""
    return event.get("key_owner") or short_name(event)


def rule(event):
    return bool(event.get("changes"))


def title(event):
    return f"AWS: {short_name(event)} changed permissions and then made an access key for {owner(event)}"


def dedup(event):
    return event.get("principal") or ""


def severity(event):
    return "DEFAULT" if owner(event) == short_name(event) else "CRITICAL"


def alert_context(event):
    return {
        "access_key_id": event.get("access_key_id"),
        "changes": event.get("changes"),
        "first_change": event.get("first_change"),
        "client_ip": event.get("sourceIPAddress"),
    }
