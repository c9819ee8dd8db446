def rule(event):
    return event["n"] > 100


def title(event):
    return f"{event.get('site')}: {event.get('N')}, {event.udm('site')}"
