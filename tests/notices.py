"""Notices of alerts that nothing is special about but what a test says."""

from runner.destinations.message import Notice


def notice_at(moment, **facts):
    """Return a notice of an alert with one match, created at a moment."""
    plain = {
        "alert_id": "a" * 32,
        "rule_id": "My.Rule",
        "name": "",
        "type": "SCHEDULED_RULE",
        "title": "Alert",
        "severity": "HIGH",
        "status": "OPEN",
        "created_at": moment,
        "first_match_at": moment,
        "last_match_at": moment,
        "match_count": 1,
    }
    return Notice(**{**plain, **facts})
