STRONGEST = "Super administrator"


def targets(event, kind):
    return [target for target in event.get("target") or [] if target.get("type") == kind]


def grantee(event):
    users = targets(event, "User")
    return users[0].get("alternateId") if users else "unknown account"


def roles(event):
    return sorted(role.get("displayName") or "" for role in targets(event, "ROLE"))


def rule(event):
    # Read-only roles are given to auditors every day.
    return any(not role.startswith("Read-only") for role in roles(event))


def title(event):
    return f"Okta: {grantee(event)} was made {', '.join(roles(event))}"


def dedup(event):
    return grantee(event)


def severity(event):
    return "HIGH" if STRONGEST in roles(event) else "DEFAULT"


def alert_context(event):
    return {
        "granted_by": event.deep_get("actor", "alternateId"),
        "client_ip": event.deep_get("client", "ipAddress"),
        "roles": roles(event),
    }
