def rule(event):
    return event.get("failures", 0) > 5
