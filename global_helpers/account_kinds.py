ADMIN = "admin"
SERVICE = "service"
PLAIN = "plain"

PREFIXES = {"adm-": ADMIN, "svc-": SERVICE}


def account_kind(login):
    """Return "admin", "service" or "plain" for a login such as `adm-alex@example.com`."""
    for prefix, kind in PREFIXES.items():
        if (login or "").lower().startswith(prefix):
            return kind
    return PLAIN
