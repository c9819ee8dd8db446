from account_kinds import account_kind
from panther_base_helpers import deep_get

SEVERITIES = {"admin": "HIGH", "service": "MEDIUM", "plain": "LOW"}

# Refused, but the password was right: nobody is guessing.
HARMLESS = ("PASSWORD_EXPIRED", "USER_SUSPENDED")


def account_of(event):
    return deep_get(event, "actor", "alternateId", default="unknown account")


def rule(event):
    return deep_get(event, "outcome", "reason") not in HARMLESS


def title(event):
    account = account_of(event)
    return f"Okta: repeated failed logins to {account_kind(account)} account {account}"


def dedup(event):
    return deep_get(event, "client", "ipAddress", default="")


def severity(event):
    return SEVERITIES[account_kind(account_of(event))]


def alert_context(event):
    return {
        "account": account_of(event),
        "client_ip": deep_get(event, "client", "ipAddress"),
        "city": deep_get(event, "client", "geographicalContext", "city"),
        "country": deep_get(event, "client", "geographicalContext", "country"),
        "user_agent": deep_get(event, "client", "userAgent", "rawUserAgent"),
        "reason": deep_get(event, "outcome", "reason"),
    }
