from office_networks import is_office


def rule(event):
    return event.deep_get("userIdentity", "type") == "Root" and not is_office(event.get("sourceIPAddress"))


def title(event):
    return f"root logged in from {event.udm('source_ip')}"
