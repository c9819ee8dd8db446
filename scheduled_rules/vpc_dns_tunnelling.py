# Services that ask questions by name, in long names.
LOOKUP_SERVICES = ("avcheck.example",)


def rule(event):
    return event.get("domain") not in LOOKUP_SERVICES


def title(event):
    return f"VPC: {event.get('source_ip')} may be tunnelling through DNS to {event.get('domain')}"


def dedup(event):
    return f"{event.get('source_ip')} {event.get('domain')}"


def severity(event):
    # Answers that carry much are asked for by tunnels and by hardly anybody else.
    carriers, queries = event.get("carrier_queries", 0), event.get("queries", 0)
    return "HIGH" if 2 * carriers > queries else "DEFAULT"


def alert_context(event):
    return {
        "domain": event.get("domain"),
        "names": event.get("names"),
        "average_length": event.get("average_length"),
        "sample_name": event.get("sample_name"),
    }
