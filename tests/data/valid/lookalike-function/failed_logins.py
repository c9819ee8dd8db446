def rule(event):
    return event.get("failures", 0) > 5


def dedup_key(event):
    return event.get("actor")


def alertContext(event):
    return {"actor": account(event)}


def severities(event):
    return "HIGH"


def get_title(event, *words):
    return "Failed logins"


def account(event):
    return event.get("actor")


def unrelated(event):
    return 1


def titles(event, other):
    return "two arguments"


def rule_name(event):
    return "used"


def description(event):
    return rule_name(event)
