import re

SUSPICIOUS = [
    re.compile(pattern)
    for pattern in (
        r'"Principal"\s*:\s*"\*"',
        r'"Action"\s*:\s*"(\*|iam:\*)"',
        r"arn:aws:iam::\d{12}:role/OrganizationAccountAccessRole",
        r"(?i)invoke-webrequest|curl\s+-s",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b.*secret",
        r"\.onion\b",
        r"(?i)base64\s+(-d|--decode)",
        r"169\.254\.169\.254",
    )
]


def rule(event):
    text = event.deep_get("requestParameters", "policyDocument", default="") or event.get("userAgent", "")
    return any(pattern.search(text) for pattern in SUSPICIOUS)


def title(event):
    return f"Suspicious text in {event.get('eventName')}"


def dedup(event):
    return event.deep_get("userIdentity", "arn", default="")
