"""What is planted among the plain traffic: attacks that deserve an alert, and near misses that do not.

Each story ends just before the time at which a run is to find it (or must not). The table at the top of generate.py
tells which stories are planted where.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from company import (
    ACCOUNT,
    APP_HOSTS,
    BALANCER,
    DATABASE_HOSTS,
    DENVER,
    LISBON,
    MONITOR,
    OSLO,
    REFERENCE,
    REYKJAVIK,
    SERVICE_ADDRESS,
    SINGAPORE,
    VILNIUS,
    VPN_EXIT,
)
from records import (
    AWS_CLI,
    BROWSER,
    SCRIPT,
    access_key,
    assumed_role,
    cloudtrail_event,
    dns_query,
    flow,
    iam_user,
    okta_event,
    okta_target,
    okta_user,
    root_user,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from company import Place
    from records import Record

BAD_CREDENTIALS = "INVALID_CREDENTIALS"
INTRUDER = "203.0.113.45"
TRIED_ACTIONS = (
    *("ec2:DescribeInstances", "ec2:DescribeSnapshots", "iam:ListUsers", "iam:ListAttachedUserPolicies"),
    *("s3:ListBuckets", "secretsmanager:ListSecrets", "ssm:DescribeParameters", "rds:DescribeDBInstances"),
    *("lambda:ListFunctions", "kms:ListKeys", "iam:GetAccountAuthorizationDetails", "s3:GetBucketPolicy"),
)


def okta_stories(rng: Random) -> Iterator[Record]:
    """Yield all that is planted in Okta's System Log."""
    earlier = datetime(2026, 1, 12, 15, tzinfo=UTC)
    yield from _guessing(rng, REFERENCE, "adm-alex", "203.0.113.66", tries=9)
    yield from _guessing(rng, REFERENCE, "svc-backup", "203.0.113.68", tries=6)
    yield from _guessing(rng, REFERENCE, "quinn", "198.51.100.140", tries=5)
    yield from _guessing(rng, REFERENCE, "sage", "198.51.100.141", tries=4)
    yield from _guessing(rng, REFERENCE, "wren", "198.51.100.142", tries=8, reason="PASSWORD_EXPIRED")
    yield from _guessing(rng, earlier, "casey", "203.0.113.67", tries=6)
    yield from _spraying(rng)
    yield from _travels(rng)
    yield from _sleepers(rng)
    yield from _pushes(rng, "noa", LISBON, "198.51.100.201", refused=7, accepted=True)
    yield from _pushes(rng, "tatum", DENVER, "198.51.100.202", refused=2, accepted=True)
    yield from _roles(rng)


def _guessing(
    rng: Random, until: datetime, account: str, address: str, *, tries: int, reason: str = BAD_CREDENTIALS
) -> Iterator[Record]:
    """Try one account from one address, once every three minutes."""
    for n in range(tries):
        at = until - timedelta(minutes=50 - 3 * n, milliseconds=rng.randrange(60_000))
        yield okta_event(
            rng,
            at,
            "user.session.start",
            account=account,
            place=OSLO,
            address=address,
            reason=reason,
            agent=SCRIPT,
        )


def _spraying(rng: Random) -> Iterator[Record]:
    """Try twelve accounts in six hours, one of them with luck; and let seven clumsy colleagues share a home."""
    tried = (
        "alex",
        "andrea",
        "ariel",
        "blake",
        "casey",
        "drew",
        "jordan",
        "kim",
        "pat",
        "rene",
        "robin",
        "toni",
    )
    for n, account in enumerate(tried):
        at = REFERENCE - timedelta(minutes=340 - 27 * n, milliseconds=rng.randrange(60_000))
        yield _login(rng, at, account, REYKJAVIK, "198.51.100.77", reason=BAD_CREDENTIALS)
    yield _login(rng, REFERENCE - timedelta(minutes=63), "robin", REYKJAVIK, "198.51.100.77")
    for n, account in enumerate(("avery", "emery", "finley", "harper", "jamie", "logan", "parker")):
        at = REFERENCE - timedelta(minutes=320 - 45 * n, milliseconds=rng.randrange(60_000))
        yield _login(rng, at, account, DENVER, "198.51.100.150", reason=BAD_CREDENTIALS)


def _login(
    rng: Random, at: datetime, account: str, place: Place, address: str, *, reason: str | None = None
) -> Record:
    return okta_event(
        rng, at, "user.session.start", account=account, place=place, address=address, reason=reason
    )


def _travels(rng: Random) -> Iterator[Record]:
    """Go from Lisbon to Singapore in forty minutes; and elsewhere by VPN, and by aeroplane."""
    yield _login(rng, REFERENCE - timedelta(minutes=68), "kim", LISBON, "198.51.100.31")
    yield _login(rng, REFERENCE - timedelta(minutes=28), "kim", SINGAPORE, "203.0.113.140")

    yield _login(rng, REFERENCE - timedelta(minutes=55), "morgan", DENVER, "198.51.100.32")
    yield _login(rng, REFERENCE - timedelta(minutes=25), "morgan", LISBON, VPN_EXIT)

    yield _login(rng, REFERENCE - timedelta(hours=10, minutes=20), "andrea", LISBON, "198.51.100.33")
    yield _login(rng, REFERENCE - timedelta(minutes=12), "andrea", DENVER, "198.51.100.34")


def _sleepers(rng: Random) -> Iterator[Record]:
    """Wake two forgotten accounts; bring one back from a holiday; and add one that is new."""
    yield _login(rng, datetime(2025, 12, 1, 9, 4, 31, tzinfo=UTC), "svc-legacy", LISBON, SERVICE_ADDRESS)
    yield _login(rng, REFERENCE - timedelta(minutes=103), "svc-legacy", VILNIUS, "203.0.113.171")

    yield _login(rng, datetime(2025, 12, 1, 10, 15, 2, tzinfo=UTC), "front-desk", LISBON, "192.0.2.10")
    yield _login(rng, datetime(2026, 1, 12, 13, 20, 44, tzinfo=UTC), "front-desk", LISBON, "192.0.2.10")

    yield _login(rng, datetime(2025, 12, 28, 9, 58, 17, tzinfo=UTC), "vic", LISBON, "192.0.2.10")
    yield _login(rng, datetime(2026, 1, 14, 8, 51, 6, tzinfo=UTC), "vic", LISBON, "192.0.2.10")

    yield _login(rng, datetime(2026, 1, 14, 9, 5, 30, tzinfo=UTC), "newcomer", LISBON, "192.0.2.10")


def _pushes(
    rng: Random, account: str, place: Place, address: str, *, refused: int, accepted: bool
) -> Iterator[Record]:
    """Send push notifications that the owner refuses, until perhaps one is accepted."""
    begin = REFERENCE - timedelta(minutes=40)
    for n in range(refused):
        at = begin + timedelta(seconds=95 * n, milliseconds=rng.randrange(20_000))
        yield okta_event(
            rng,
            at,
            "user.mfa.okta_verify.deny_push",
            account=account,
            place=place,
            address=address,
            reason="INVALID_CREDENTIALS",
        )
    if accepted:
        yield okta_event(
            rng,
            begin + timedelta(seconds=95 * refused + 40),
            "user.authentication.auth_via_mfa",
            account=account,
            place=place,
            address=address,
        )


def _roles(rng: Random) -> Iterator[Record]:
    """Give the strongest role to the flooded account; and one that may only read to another."""
    grants = (
        (8, "adm-sam", "noa", "Super administrator", LISBON, "198.51.100.201"),
        (5, "adm-casey", "taylor", "Read-only administrator", DENVER, "192.0.2.20"),
    )
    for minutes, giver, receiver, role, place, address in grants:
        yield okta_event(
            rng,
            REFERENCE - timedelta(minutes=minutes, seconds=17),
            "user.account.privilege.grant",
            account=giver,
            place=place,
            address=address,
            target=[okta_user(receiver), okta_target("ROLE", role)],
        )


def cloudtrail_stories(rng: Random) -> Iterator[Record]:
    """Yield all that is planted in CloudTrail."""
    yield from _root(rng)
    yield from _console_logins(rng)
    yield from _refusals(rng)
    yield from _permissions_and_keys(rng)
    yield from _downloads(rng)
    yield from _trails(rng)
    yield from _doors(rng)


def _sign_in(
    rng: Random, at: datetime, identity: Record, address: str, *, result: str = "Success", mfa: str = "No"
) -> Record:
    return cloudtrail_event(
        rng,
        at,
        "signin:ConsoleLogin",
        identity=identity,
        address=address,
        response={"ConsoleLogin": result},
        more={"LoginTo": "https://console.aws.amazon.com/console/home", "MFAUsed": mfa},
        agent=BROWSER,
    )


def _root(rng: Random) -> Iterator[Record]:
    """Bring root to the console, once let in and once, days before, not; and root elsewhere."""
    yield _sign_in(rng, REFERENCE - timedelta(minutes=11, seconds=48), root_user(), "203.0.113.9")
    yield _sign_in(
        rng,
        datetime(2026, 1, 12, 9, 26, 5, tzinfo=UTC),
        root_user(),
        "203.0.113.10",
        result="Failure",
    )
    for minutes, call in ((10, "iam:GetAccountSummary"), (9, "s3:ListBuckets")):
        at = REFERENCE - timedelta(minutes=minutes)
        yield cloudtrail_event(rng, at, call, identity=root_user(), address="203.0.113.9", agent=BROWSER)


def _console_logins(rng: Random) -> Iterator[Record]:
    """Let IAM users in without a second factor; and one with it; and refuse one."""
    yield _sign_in(rng, REFERENCE - timedelta(minutes=23), iam_user("alex"), "192.0.2.20")
    yield _sign_in(rng, datetime(2026, 1, 13, 9, 42, 18, tzinfo=UTC), iam_user("svc-backup"), "203.0.113.51")
    yield _sign_in(rng, REFERENCE - timedelta(minutes=19), iam_user("jules"), "192.0.2.10", mfa="Yes")
    yield _sign_in(rng, REFERENCE - timedelta(minutes=7), iam_user("dana"), "192.0.2.10", result="Failure")


def _refusals(rng: Random) -> Iterator[Record]:
    """Try a stolen key on everything; and run a job without its permission; and refuse an engineer six times."""
    for n in range(36):
        yield _refused(rng, 55 - n / 3, iam_user("svc-build"), "203.0.113.88", TRIED_ACTIONS[n % 12])
    for n in range(40):
        yield _refused(
            rng, 58 - 1.4 * n, assumed_role("report-role", "nightly"), APP_HOSTS[3], "s3:PutObject"
        )
    for n in range(6):
        yield _refused(rng, 30 - n, assumed_role("engineer-role", "nikita"), "192.0.2.10", TRIED_ACTIONS[n])


def _refused(rng: Random, minutes_before: float, identity: Record, address: str, call: str) -> Record:
    at = REFERENCE - timedelta(minutes=minutes_before)
    return cloudtrail_event(rng, at, call, identity=identity, address=address, error="AccessDenied")


def _iam(rng: Random, minutes_before: float, who: str, call: str, address: str, **names: str) -> Record:
    """Make a call to IAM that was granted; its parameters are given by name."""
    response: Record | None = None
    if call == "CreateAccessKey":
        owner = names.get("userName", who)
        response = {
            "accessKey": {"userName": owner, "accessKeyId": access_key(f"new {owner}"), "status": "Active"}
        }
    return cloudtrail_event(
        rng,
        REFERENCE - timedelta(minutes=minutes_before),
        f"iam:{call}",
        identity=iam_user(who),
        address=address,
        parameters=dict(names),
        response=response,
    )


def _permissions_and_keys(rng: Random) -> Iterator[Record]:
    """Open a role and make a key; and a key without a change, a change after a key, and one long before."""
    yield _iam(rng, 73, "robin", "UpdateAssumeRolePolicy", INTRUDER, roleName="deploy-role")
    yield _iam(rng, 71, "robin", "AttachRolePolicy", INTRUDER, roleName="deploy-role")
    yield _iam(rng, 33, "robin", "CreateAccessKey", INTRUDER, userName="svc-deploy")

    yield _iam(rng, 45, "sam", "CreateAccessKey", "192.0.2.10", userName="svc-monitor")

    yield _iam(rng, 40, "sascha", "CreateAccessKey", "192.0.2.10")
    yield _iam(rng, 38, "sascha", "AttachUserPolicy", "192.0.2.10", userName="sascha")

    yield _iam(rng, 162, "luca", "PutRolePolicy", "192.0.2.10", roleName="app-role")
    yield _iam(rng, 35, "luca", "CreateAccessKey", "192.0.2.10", userName="svc-monitor")


def _downloads(rng: Random) -> Iterator[Record]:
    """Empty a bucket; and let the backup, which is meant to, and a user who takes a few."""
    backup = assumed_role("backup-role", "svc-backup")
    exports, uploads = "example-customer-exports", "example-uploads"
    yield from _reading(rng, iam_user("jules"), "203.0.113.120", bucket=exports, objects=260)
    yield from _reading(rng, backup, "10.0.1.30", bucket=uploads, objects=230)
    yield from _reading(rng, iam_user("sascha"), "192.0.2.10", bucket=exports, objects=60)


def _reading(rng: Random, identity: Record, address: str, *, bucket: str, objects: int) -> Iterator[Record]:
    """Read an object of a bucket every ten seconds, some nine megabytes each."""
    for n in range(objects):
        yield cloudtrail_event(
            rng,
            REFERENCE - timedelta(minutes=58, seconds=-10 * n),
            "s3:GetObject",
            identity=identity,
            address=address,
            parameters={"bucketName": bucket, "key": f"2025/part-{n:04d}.csv.gz"},
            more={"bytesTransferredOut": rng.randrange(9_000_000, 10_000_000)},
            agent=AWS_CLI,
        )


def _trails(rng: Random) -> Iterator[Record]:
    """Delete a trail, stop it in vain on an earlier day; and only look at logging, or begin it."""
    name = "company-trail"
    yield _trail_call(rng, REFERENCE - timedelta(minutes=2, seconds=57), "robin", "DeleteTrail", name)
    yield _trail_call(
        rng, datetime(2026, 1, 14, 11, 3, 9, tzinfo=UTC), "nikita", "StopLogging", name, error="AccessDenied"
    )
    yield _trail_call(rng, REFERENCE - timedelta(minutes=4), "dana", "StartLogging", "staging-trail")
    yield _trail_call(rng, REFERENCE - timedelta(minutes=1), "dana", "GetTrailStatus", name)


def _trail_call(
    rng: Random, at: datetime, who: str, action: str, name: str, *, error: str | None = None
) -> Record:
    return cloudtrail_event(
        rng,
        at,
        f"cloudtrail:{action}",
        identity=iam_user(who),
        address=INTRUDER if who == "robin" else "192.0.2.10",
        parameters={"name": name},
        error=error,
    )


def _doors(rng: Random) -> Iterator[Record]:
    """Open SSH to everybody; and the web to everybody, and SSH to the office."""
    database_group, web_group = "sg-0a1b2c3d4e5f60718", "sg-0b2c3d4e5f607182a"
    yield _opening(rng, 10, "robin", group=database_group, port=22, network="0.0.0.0/0")
    yield _opening(rng, 6, "rowan", group=web_group, port=443, network="0.0.0.0/0")
    yield _opening(rng, 5, "rowan", group=web_group, port=22, network="192.0.2.20/32")


def _opening(rng: Random, minutes_before: float, who: str, *, group: str, port: int, network: str) -> Record:
    permission: Record = {
        "ipProtocol": "tcp",
        "fromPort": port,
        "toPort": port,
        "groups": {},
        "ipRanges": {"items": [{"cidrIp": network}]},
        "ipv6Ranges": {},
        "prefixListIds": {},
    }
    return cloudtrail_event(
        rng,
        REFERENCE - timedelta(minutes=minutes_before),
        "ec2:AuthorizeSecurityGroupIngress",
        identity=iam_user(who),
        address=INTRUDER if who == "robin" else "192.0.2.20",
        parameters={"groupId": group, "ipPermissions": {"items": [permission]}},
        response={"_return": True, "requestId": f"{ACCOUNT}-{port}"},
    )


def flow_stories(rng: Random) -> Iterator[Record]:
    """Yield all that is planted in the VPC's flow log."""
    earlier = datetime(2026, 1, 13, 4, tzinfo=UTC)
    yield from _scan(rng, REFERENCE, "10.0.1.34", DATABASE_HOSTS, range(5400, 5520))
    yield from _scan(rng, REFERENCE, "203.0.113.200", (BALANCER, *APP_HOSTS[:2]), range(1, 71))
    yield from _scan(rng, earlier, "203.0.113.201", (BALANCER,), range(8000, 8100))
    # A scanner that asks for few ports, on many hosts.
    for port in range(20, 32):
        yield from _scan(rng, REFERENCE, "203.0.113.210", APP_HOSTS[:8], range(port, port + 1))
    # The monitoring is let in; voice traffic that is refused is no TCP.
    yield from _scan(rng, REFERENCE, MONITOR, APP_HOSTS[:1], range(9100, 9170), action="ACCEPT")
    yield from _scan(rng, REFERENCE, "198.51.100.66", APP_HOSTS[:1], range(16384, 16444), protocol=17)


def _scan(
    rng: Random,
    until: datetime,
    source: str,
    hosts: Sequence[str],
    ports: range,
    *,
    action: str = "REJECT",
    protocol: int = 6,
) -> Iterator[Record]:
    """Send one packet to each port, in turn on each host, over the ten minutes before a time."""
    if len(ports) == 1:
        targets = [(host, ports[0]) for host in hosts]
    else:
        targets = [(hosts[n % len(hosts)], port) for n, port in enumerate(ports)]
    for target in targets:
        at = until - timedelta(seconds=rng.randrange(60, 660))
        yield flow(at, (source, rng.randrange(32768, 61000)), target, action=action, protocol=protocol)


def dns_stories(rng: Random) -> Iterator[Record]:
    """Yield all that is planted in the resolver's query log."""
    earlier = datetime(2026, 1, 13, 21, tzinfo=UTC)
    yield from _questions(rng, REFERENCE, "10.0.1.23", "d.quiet-exit.example", 180, kind="TXT", length=44)
    yield from _questions(rng, earlier, "10.0.1.27", "slow-drip.example", 120, kind="A", length=36)
    # The virus scanner asks about files by their hash; a shop gives each of its customers a short name.
    yield from _questions(rng, REFERENCE, "10.0.1.29", "sha.avcheck.example", 130, kind="A", length=40)
    yield from _questions(rng, REFERENCE, "10.0.1.24", "market.example", 130, kind="A", length=8)
    # Too few to carry anything.
    yield from _questions(rng, REFERENCE, "10.0.1.25", "quiet-exit.example", 40, kind="TXT", length=44)


def _questions(
    rng: Random, until: datetime, source: str, domain: str, count: int, *, kind: str, length: int
) -> Iterator[Record]:
    """Ask for different names of a given length below a domain, over the hour before a time."""
    for _ in range(count):
        at = until - timedelta(seconds=rng.randrange(30, 3500))
        label = f"{rng.getrandbits(4 * length):0{length}x}"
        answer = "ok" if kind == "TXT" else "198.51.100.12"
        yield dns_query(rng, at, source, f"{label}.{domain}", kind=kind, answer=answer)
