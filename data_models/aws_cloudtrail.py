import panther_event_type_helpers as event_type_names

LOGIN_RESULTS = {"Success": event_type_names.SUCCESSFUL_LOGIN, "Failure": event_type_names.FAILED_LOGIN}
EVENT_TYPES = {
    "CreateUser": event_type_names.USER_ACCOUNT_CREATED,
    "CreateAccountResult": event_type_names.ACCOUNT_CREATED,
    "DeactivateMFADevice": event_type_names.MFA_DISABLED,
}


def actor_user(event):
    """Return who called: a user by name, root as root, a role as its name and session."""
    identity = event.get("userIdentity") or {}
    if identity.get("type") == "Root":
        return "root"
    if identity.get("type") == "AssumedRole":
        return (identity.get("arn") or "").partition("assumed-role/")[2] or None
    return identity.get("userName") or identity.get("invokedBy")


def event_type(event):
    """Return what happened, in the names that all log types share, or None for what has none of them."""
    if event.get("eventName") == "ConsoleLogin":
        return LOGIN_RESULTS.get((event.get("responseElements") or {}).get("ConsoleLogin"))
    if event.get("errorCode"):
        return None
    return EVENT_TYPES.get(event.get("eventName"))
