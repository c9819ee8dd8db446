"""The plain traffic of the company: people at work by day, machines by night, and nothing to alert on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from company import (
    APP_HOSTS,
    BALANCER,
    DATABASE_HOSTS,
    ENGINEERS,
    LISBON,
    MONITOR,
    OFFICES,
    REFERENCE,
    RESOLVER,
    SERVICE_ADDRESS,
    SERVICES,
    START,
    busyness,
)
from records import (
    BROWSER,
    SCRIPT,
    assumed_role,
    cloudtrail_event,
    dns_query,
    flow,
    iam_user,
    okta_event,
    okta_target,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from company import Office
    from records import Record

APPS = ("Mail", "Wiki", "Tickets", "Source code", "Payroll", "Chat")
CRAWLERS = tuple(f"203.0.113.{n}" for n in range(2, 8))
NOISY_PORTS = (22, 23, 80, 443, 445, 1433, 3389, 5900, 6379, 8080, 8443, 9200)
CDN_NAMES = tuple(
    f"edge-{n:02d}-assets-of-the-company-web-shop-release.{n % 3}.fastcdn.example" for n in range(24)
)
PLAIN_NAMES = (
    "api.internal.example.net",
    "db.internal.example.net",
    "queue.internal.example.net",
    "sts.aws-region.example.net",
    "www.example.com",
    "packages.example.org",
    "time.example.org",
    "telemetry.example.org",
)


def moments(rng: Random, per_busy_hour: int) -> Iterator[datetime]:
    """Yield random times over the whole sample, in order, more of them when the company is busy."""
    hour = START
    while hour < REFERENCE:
        count = round(per_busy_hour * busyness(hour) * rng.uniform(0.85, 1.15))
        yield from sorted(hour + timedelta(milliseconds=rng.randrange(3_600_000)) for _ in range(count))
        hour += timedelta(hours=1)


def okta_traffic(rng: Random) -> Iterator[Record]:
    """Yield logins of people and services, with their second factors and apps."""
    for office in OFFICES:
        for name in office.people:
            for day in range(-1, 5):
                yield from _okta_day(rng, office, name, START + timedelta(days=day))
    for n in range(int((REFERENCE - START) / timedelta(hours=2))):
        yield from _service_logins(rng, START + timedelta(hours=2 * n))


def _okta_day(rng: Random, office: Office, name: str, day: datetime) -> Iterator[Record]:
    """Yield one person's day: a login, sometimes a typing error before it, and the apps that they open."""
    at = day - office.utc_offset + timedelta(hours=7.5, seconds=rng.randrange(2 * 3600))
    if rng.random() > (0.03 if day.weekday() > 4 else 0.9):
        return
    events: list[tuple[float, str, str | None]] = []
    if rng.random() < 0.06:
        events.append((-20, "user.session.start", "INVALID_CREDENTIALS"))
    events += [(0, "user.session.start", None), (9, "user.authentication.auth_via_mfa", None)]
    events += [
        (rng.uniform(60, 30_000), "user.authentication.sso", None) for _ in range(rng.randrange(4, 12))
    ]
    for seconds, event_type, reason in sorted(events, key=lambda event: event[0]):
        moment = at + timedelta(seconds=seconds, milliseconds=rng.randrange(1000))
        target = [okta_target("AppInstance", rng.choice(APPS))] if event_type.endswith("sso") else []
        if START <= moment < REFERENCE:
            yield okta_event(
                rng,
                moment,
                event_type,
                account=name,
                place=office.place,
                address=office.address,
                reason=reason,
                target=target,
            )


def _service_logins(rng: Random, at: datetime) -> Iterator[Record]:
    for name in SERVICES:
        moment = at + timedelta(milliseconds=rng.randrange(600_000))
        yield okta_event(
            rng,
            moment,
            "user.session.start",
            account=name,
            place=LISBON,
            address=SERVICE_ADDRESS,
            agent=SCRIPT,
        )


def cloudtrail_traffic(rng: Random) -> Iterator[Record]:
    """Yield what applications, pipelines and engineers ask of AWS."""
    makers = (_application_call, _pipeline_call, _engineer_call)
    for at in moments(rng, 150):
        yield rng.choices(makers, weights=(6, 2, 2))[0](rng, at)
    for day in range(4):
        yield from _console_logins(rng, START + timedelta(days=day))


def _application_call(rng: Random, at: datetime) -> Record:
    host = rng.choice(APP_HOSTS)
    call, parameters, more = rng.choices(
        (
            (
                "s3:GetObject",
                {"bucketName": "example-web-assets", "key": f"img/{rng.randrange(400)}.png"},
                None,
            ),
            ("s3:PutObject", {"bucketName": "example-uploads", "key": f"in/{rng.getrandbits(32):08x}"}, None),
            ("kms:Decrypt", {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"}, None),
            ("secretsmanager:GetSecretValue", {"secretId": "app/database"}, None),
        ),
        weights=(5, 2, 2, 1),
    )[0]
    if call == "s3:GetObject":
        more = {"bytesTransferredOut": rng.randrange(2_000, 400_000), "AuthenticationMethod": "AuthHeader"}
    return cloudtrail_event(
        rng,
        at,
        call,
        identity=assumed_role("app-role", f"i-{host.replace('.', '-')}"),
        address=host,
        parameters=parameters,
        more=more,
        agent="aws-sdk-go-v2/1.32.7 os/linux lang/go#1.23.4",
    )


def _pipeline_call(rng: Random, at: datetime) -> Record:
    call, parameters = rng.choice(
        (
            (
                "sts:AssumeRole",
                {"roleArn": "arn:aws:iam::111122223333:role/deploy-role", "roleSessionName": "build"},
            ),
            ("ecr:GetAuthorizationToken", None),
            ("ecs:DescribeServices", {"cluster": "web"}),
            ("cloudformation:DescribeStacks", {"stackName": "web"}),
        )
    )
    return cloudtrail_event(
        rng, at, call, identity=iam_user("svc-build"), address=SERVICE_ADDRESS, parameters=parameters
    )


def _engineer_call(rng: Random, at: datetime) -> Record:
    name = rng.choice(ENGINEERS)
    call = rng.choice(
        (
            "ec2:DescribeInstances",
            "ec2:DescribeSecurityGroups",
            "iam:ListRoles",
            "iam:GetRole",
            "logs:DescribeLogGroups",
            "cloudtrail:DescribeTrails",
            "cloudtrail:GetTrailStatus",
            "s3:ListBuckets",
        )
    )
    return cloudtrail_event(
        rng,
        at,
        call,
        identity=assumed_role("engineer-role", name),
        address=_office_of(name).address,
        error="AccessDenied" if rng.random() < 0.03 else None,
    )


def _office_of(name: str) -> Office:
    return next(office for office in OFFICES if name in office.people)


def _console_logins(rng: Random, day: datetime) -> Iterator[Record]:
    """Yield the day's console logins: through the identity provider, which asks for the second factor itself."""
    if day.weekday() > 4:
        return
    for name in ENGINEERS:
        office = _office_of(name)
        at = day - office.utc_offset + timedelta(hours=9, seconds=rng.randrange(5 * 3600))
        yield cloudtrail_event(
            rng,
            at,
            "signin:ConsoleLogin",
            identity=assumed_role("engineer-role", name),
            address=office.address,
            response={"ConsoleLogin": "Success"},
            more={"LoginTo": "https://console.aws.amazon.com/console/home", "MFAUsed": "No"},
            agent=BROWSER,
        )


def flow_traffic(rng: Random) -> Iterator[Record]:
    """Yield connections between hosts, from customers, to the outside, and the noise of the internet."""
    makers = (_customer_flow, _database_flow, _outward_flow, _noise_flow)
    for at in moments(rng, 320):
        yield rng.choices(makers, weights=(5, 4, 2, 1))[0](rng, at)


def _ephemeral(rng: Random) -> int:
    return rng.randrange(32768, 61000)


def _customer_flow(rng: Random, at: datetime) -> Record:
    source = (f"198.51.100.{rng.randrange(20, 60)}", _ephemeral(rng))
    packets = rng.randrange(6, 80)
    return flow(at, source, (BALANCER, 443), packets=packets, size=packets * rng.randrange(80, 900))


def _database_flow(rng: Random, at: datetime) -> Record:
    source = (rng.choice(APP_HOSTS), _ephemeral(rng))
    packets = rng.randrange(10, 200)
    return flow(
        at, source, (rng.choice(DATABASE_HOSTS), 5432), packets=packets, size=packets * rng.randrange(90, 600)
    )


def _outward_flow(rng: Random, at: datetime) -> Record:
    source = (rng.choice(APP_HOSTS), _ephemeral(rng))
    packets = rng.randrange(5, 60)
    return flow(at, source, ("198.51.100.9", 443), packets=packets, size=packets * rng.randrange(60, 300))


def _noise_flow(rng: Random, at: datetime) -> Record:
    source = (rng.choice(CRAWLERS), _ephemeral(rng))
    target = (rng.choice((BALANCER, *APP_HOSTS[:4])), rng.choice(NOISY_PORTS))
    return flow(at, source, target, action="REJECT")


def dns_traffic(rng: Random) -> Iterator[Record]:
    """Yield the names that hosts ask for, some of them long, and some that do not exist."""
    for at in moments(rng, 220):
        source = rng.choice((*APP_HOSTS, MONITOR))
        name = rng.choice(CDN_NAMES) if rng.random() < 0.25 else rng.choice(PLAIN_NAMES)
        if rng.random() < 0.02:
            yield dns_query(rng, at, source, f"{name}.internal.example.net", answer=None)
        else:
            answer = RESOLVER if name.endswith("example.net") else f"198.51.100.{rng.randrange(9, 14)}"
            yield dns_query(rng, at, source, name, answer=answer)
