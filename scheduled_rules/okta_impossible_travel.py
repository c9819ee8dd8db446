from account_kinds import account_kind
from company_networks import is_vpn_exit


def rule(event):
    # Whoever comes out of our VPN may sit anywhere.
    return not (is_vpn_exit(event.get("client_ip")) or is_vpn_exit(event.get("previous_ip")))


def title(event):
    return (
        f"Okta: {event.get('account')} logged in from {event.get('previous_city')} and then {event.get('city')},"
        f" {event.get('distance_km')} km apart"
    )


def dedup(event):
    return event.get("account") or ""


def severity(event):
    return "DEFAULT" if account_kind(event.get("account")) == "plain" else "CRITICAL"


def alert_context(event):
    return {
        "from": f"{event.get('previous_city')}, {event.get('previous_country')}",
        "to": f"{event.get('city')}, {event.get('country')}",
        "client_ips": [event.get("previous_ip"), event.get("client_ip")],
        "speed_kmh": event.get("speed_kmh"),
    }
