import panther_event_type_helpers as event_type_names

LOGINS = {"user.session.start", "user.authentication.sso", "policy.evaluate_sign_on"}
LOGIN_RESULTS = {
    "SUCCESS": event_type_names.SUCCESSFUL_LOGIN,
    "ALLOW": event_type_names.SUCCESSFUL_LOGIN,
    "FAILURE": event_type_names.FAILED_LOGIN,
    "DENY": event_type_names.FAILED_LOGIN,
}
EVENT_TYPES = {
    "user.account.privilege.grant": event_type_names.ADMIN_ROLE_ASSIGNED,
    "user.mfa.factor.deactivate": event_type_names.MFA_DISABLED,
    "user.mfa.factor.reset_all": event_type_names.MFA_RESET,
}


def event_type(event):
    """Return what happened, in the names that all log types share, or None for what has none of them."""
    if event.get("eventType") in LOGINS:
        return LOGIN_RESULTS.get((event.get("outcome") or {}).get("result"))
    return EVENT_TYPES.get(event.get("eventType"))


def user(event):
    """Return the first account that something was done to."""
    return _first_target(event, "User")


def assigned_admin_role(event):
    """Return the role that was given, by name; older events tell it among the details only."""
    if event.get("eventType") != "user.account.privilege.grant":
        return None
    return _first_target(event, "ROLE") or event.deep_get("debugContext", "debugData", "privilegeGranted")


def _first_target(event, kind):
    targets = (target for target in event.get("target") or () if target.get("type") == kind)
    return next((target.get("alternateId") for target in targets), None)
