from company_networks import is_inside


def rule(event):
    return event.get("ports_tried", 0) >= 50


def title(event):
    side = "inside" if is_inside(event.get("source_ip")) else "outside"
    return f"VPC: port scan from {side} by {event.get('source_ip')}, {event.get('ports_tried')} ports tried"


def dedup(event):
    return event.get("source_ip") or ""


def severity(event):
    # The internet scans everybody; a host of ours that scans has been taken over.
    return "HIGH" if is_inside(event.get("source_ip")) else "DEFAULT"


def alert_context(event):
    return {
        "hosts": event.get("hosts"),
        "flows_refused": event.get("flows_refused"),
        "ports": f"{event.get('lowest_port')}-{event.get('highest_port')}",
    }
