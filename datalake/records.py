"""One raw record of each log type, in the shape in which its vendor delivers it."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING

from company import ACCOUNT, REGION, VPC

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from random import Random

    from company import Place

Record = dict[str, object]
"""One log record, ready to be written as JSON."""

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:134.0) Gecko/20100101 Firefox/134.0"
SCRIPT = "python-requests/2.32.3"
AWS_CLI = "aws-cli/2.22.10 md/awscrt#0.23.4 ua/2.0 os/linux lang/python#3.12.6"

_OKTA_MESSAGES = {
    "user.session.start": "User login to Okta",
    "user.authentication.sso": "User single sign on to app",
    "user.authentication.auth_via_mfa": "Authentication of user via MFA",
    "user.mfa.okta_verify.deny_push": "User rejected Okta push verify",
    "user.account.privilege.grant": "Grant user privilege",
}


def _hex(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def _uuid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def okta_user(name: str) -> Record:
    """Name a person or a service as Okta does, as actor or as target."""
    return {
        "id": f"00u{_hex(name, 17)}",
        "type": "User",
        "alternateId": f"{name}@example.com",
        "displayName": name.replace("-", " ").title(),
        "detailEntry": None,
    }


def okta_target(kind: str, name: str) -> Record:
    """Name an app or a role as Okta does."""
    return {
        "id": f"0oa{_hex(name, 17)}",
        "type": kind,
        "alternateId": name,
        "displayName": name,
        "detailEntry": None,
    }


def okta_event(
    rng: Random,
    at: datetime,
    event_type: str,
    *,
    account: str,
    place: Place,
    address: str,
    reason: str | None = None,
    agent: str = BROWSER,
    target: Sequence[Record] = (),
) -> Record:
    """Make an event of Okta's System Log; one with a reason is a failure."""
    where: Record = {
        "city": place.city,
        "state": place.state,
        "country": place.country,
        "postalCode": None,
        "geolocation": {"lat": place.lat, "lon": place.lon},
    }
    return {
        "uuid": _uuid(rng),
        "published": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventType": event_type,
        "version": "0",
        "severity": "WARN" if reason else "INFO",
        "displayMessage": _OKTA_MESSAGES[event_type],
        "actor": okta_user(account),
        "client": {
            "userAgent": _okta_agent(agent),
            "zone": "null",
            "device": "Computer" if agent == BROWSER else "Unknown",
            "id": None,
            "ipAddress": address,
            "geographicalContext": where,
        },
        "authenticationContext": {
            "authenticationStep": 0,
            "externalSessionId": f"idx{_hex(f'{account} {at.date()} {address}', 20)}",
        },
        "outcome": {"result": "FAILURE" if reason else "SUCCESS", "reason": reason},
        "securityContext": {"isProxy": False},
        "debugContext": {"debugData": {"requestUri": "/idp/idx/identify", "url": "/idp/idx/identify?"}},
        "transaction": {"type": "WEB", "id": f"{rng.getrandbits(64):016x}", "detail": {}},
        "request": {
            "ipChain": [{"ip": address, "geographicalContext": where, "version": "V4", "source": None}]
        },
        "target": list(target) or None,
    }


def _okta_agent(agent: str) -> Record:
    if agent == BROWSER:
        return {"rawUserAgent": agent, "os": "Linux", "browser": "FIREFOX"}
    return {"rawUserAgent": agent, "os": "Unknown", "browser": "UNKNOWN"}


def root_user() -> Record:
    """Name the root user as CloudTrail does."""
    return {
        "type": "Root",
        "principalId": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:root",
        "accountId": ACCOUNT,
    }


def iam_user(name: str) -> Record:
    """Name an IAM user as CloudTrail does."""
    return {
        "type": "IAMUser",
        "principalId": f"AIDA{_hex(name, 17).upper()}",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/{name}",
        "accountId": ACCOUNT,
        "accessKeyId": access_key(name),
        "userName": name,
    }


def assumed_role(role: str, session: str) -> Record:
    """Name a role's session as CloudTrail does."""
    principal = f"AROA{_hex(role, 17).upper()}"
    return {
        "type": "AssumedRole",
        "principalId": f"{principal}:{session}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}",
        "accountId": ACCOUNT,
        "accessKeyId": f"ASIA{_hex(role + session, 9).upper()}EXAMPLE",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": principal,
                "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}",
                "accountId": ACCOUNT,
                "userName": role,
            },
            "attributes": {"mfaAuthenticated": "false"},
        },
    }


def access_key(name: str) -> str:
    """Make up the id of an access key from a name, of a form that nobody takes for a real one."""
    return f"AKIA{_hex(f'key {name}', 9).upper()}EXAMPLE"


def cloudtrail_event(
    rng: Random,
    at: datetime,
    call: str,
    *,
    identity: Record,
    address: str,
    parameters: Mapping[str, object] | None = None,
    response: Mapping[str, object] | None = None,
    more: Mapping[str, object] | None = None,
    error: str | None = None,
    agent: str = AWS_CLI,
) -> Record:
    """Make a record of CloudTrail; `call` is service and action, such as `s3:GetObject`."""
    service, action = call.split(":")
    data_event = action in {"GetObject", "PutObject"}
    record: Record = {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": action,
        "awsRegion": REGION,
        "sourceIPAddress": address,
        "userAgent": agent,
        "requestParameters": parameters,
        "responseElements": response,
        "requestID": _uuid(rng),
        "eventID": _uuid(rng),
        "readOnly": action.startswith(("Get", "List", "Describe", "Decrypt")),
        "eventType": "AwsConsoleSignIn" if service == "signin" else "AwsApiCall",
        "managementEvent": not data_event,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Data" if data_event else "Management",
    }
    if more is not None:
        record["additionalEventData"] = more
    if error is not None:
        record["errorCode"] = error
        record["errorMessage"] = f"User is not authorized to perform: {service}:{action}"
    return record


def flow(
    at: datetime,
    source: tuple[str, int],
    target: tuple[str, int],
    *,
    action: str = "ACCEPT",
    protocol: int = 6,
    packets: int = 1,
    size: int = 44,
) -> Record:
    """Make a record of a VPC's flow log: one minute of one connection, addresses with their ports."""
    host = source[0] if source[0].startswith("10.") else target[0]
    begin = int(at.timestamp())
    return {
        "version": 5,
        "accountId": ACCOUNT,
        "interfaceId": f"eni-{_hex(host, 17)}",
        "srcAddr": source[0],
        "dstAddr": target[0],
        "srcPort": source[1],
        "dstPort": target[1],
        "protocol": protocol,
        "packets": packets,
        "bytes": size,
        "start": begin,
        "end": begin + 60,
        "action": action,
        "logStatus": "OK",
        "vpcId": VPC,
        "instanceId": f"i-{_hex(host, 17)}",
    }


def dns_query(
    rng: Random, at: datetime, source: str, name: str, *, kind: str = "A", answer: str | None
) -> Record:
    """Make a record of the resolver's query log; without an answer the name does not exist."""
    return {
        "version": "1.100000",
        "account_id": ACCOUNT,
        "region": REGION,
        "vpc_id": VPC,
        "query_timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "query_name": f"{name}.",
        "query_type": kind,
        "query_class": "IN",
        "rcode": "NOERROR" if answer else "NXDOMAIN",
        "answers": [{"Rdata": answer, "Type": kind, "Class": "IN"}] if answer else [],
        "srcaddr": source,
        "srcport": rng.randrange(32768, 61000),
        "transport": "UDP",
        "srcids": {"instance": f"i-{_hex(source, 17)}"},
    }
