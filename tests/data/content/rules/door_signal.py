def rule(event):
    return bool(event)


def alert_context(event):
    return event
