EVERYBODY = ("0.0.0.0/0", "::/0")

# What may be open to everybody.
PUBLIC_PORTS = (80, 443)

# Where somebody who gets in may do anything.
REMOTE_PORTS = (22, 3389)


def items(container):
    return (container or {}).get("items") or []


def single_permission(event):
    """The other form of the call: one permission, written into the request itself."""
    request = event.get("requestParameters") or {}
    return {
        "fromPort": request.get("fromPort"),
        "toPort": request.get("toPort"),
        "ipRanges": {"items": [{"cidrIp": request.get("cidrIp")}]},
    }


def is_for_everybody(permission):
    ranges = [entry.get("cidrIp") for entry in items(permission.get("ipRanges"))]
    ranges += [entry.get("cidrIpv6") for entry in items(permission.get("ipv6Ranges"))]
    return any(entry in EVERYBODY for entry in ranges)


def ports(permission):
    """First and last port; a permission without ports is for all of them."""
    first, last = permission.get("fromPort"), permission.get("toPort")
    return (0, 65535) if first is None or last is None or first < 0 else (first, last)


def opened(event):
    """The port ranges that everybody may reach now, except the public ones."""
    permissions = items(event.deep_get("requestParameters", "ipPermissions")) or [single_permission(event)]
    ranges = [ports(permission) for permission in permissions if is_for_everybody(permission)]
    return [(first, last) for first, last in ranges if not (first == last and first in PUBLIC_PORTS)]


def group(event):
    return event.deep_get("requestParameters", "groupId", default="unknown group")


def rule(event):
    return bool(opened(event))


def title(event):
    described = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in opened(event))
    return f"AWS: security group {group(event)} opened to everybody on {described}"


def dedup(event):
    return group(event)


def severity(event):
    remote = any(first <= port <= last for first, last in opened(event) for port in REMOTE_PORTS)
    return "HIGH" if remote else "DEFAULT"


def alert_context(event):
    return {
        "principal": event.deep_get("userIdentity", "arn"),
        "client_ip": event.get("sourceIPAddress"),
        "region": event.get("awsRegion"),
        "ports": [list(ports) for ports in opened(event)],
    }
