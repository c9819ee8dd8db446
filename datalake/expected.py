"""The alerts that the planted attacks of the sample lake deserve: what a correct runner must find, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpectedAlert:
    """An alert, and the reference time (UTC) of the run that finds it; `matches` are the rows behind it."""

    at: datetime
    rule_id: str
    dedup: str
    title: str
    severity: str
    matches: int = 1


REFERENCE = datetime(2026, 1, 15, tzinfo=UTC)

EXPECTED = (
    ExpectedAlert(
        at=REFERENCE,
        rule_id="AWS.AccessDeniedBurst",
        dedup="arn:aws:iam::111122223333:user/svc-build",
        title="AWS: svc-build was refused 12 different actions",
        severity="HIGH",
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="AWS.AccessKeyAfterRoleChange",
        dedup="arn:aws:iam::111122223333:user/robin",
        title="AWS: robin changed permissions and then made an access key for svc-deploy",
        severity="CRITICAL",
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="AWS.AuditTrailStopped",
        dedup="111122223333 DeleteTrail company-trail",
        title="AWS: robin called DeleteTrail on company-trail",
        severity="CRITICAL",
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="AWS.ConsoleLoginWithoutMFA",
        dedup="arn:aws:iam::111122223333:user/alex",
        title="AWS: alex logged in to the console of 111122223333 without MFA",
        severity="MEDIUM",
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="AWS.RootConsoleLogin",
        dedup="111122223333 Success",
        title="AWS: root logged in to the console of account 111122223333",
        severity="CRITICAL",
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="AWS.S3MassDownload",
        dedup="arn:aws:iam::111122223333:user/jules example-customer-exports",
        title="AWS: jules downloaded 260 objects from example-customer-exports",
        severity="HIGH",
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="AWS.SecurityGroupOpened",
        dedup="sg-0a1b2c3d4e5f60718",
        title="AWS: security group sg-0a1b2c3d4e5f60718 opened to everybody on 22",
        severity="HIGH",
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="Okta.AdminRoleGranted",
        dedup="noa@example.com",
        title="Okta: noa@example.com was made Super administrator",
        severity="HIGH",
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="Okta.DormantAccount",
        dedup="svc-legacy@example.com",
        title="Okta: svc-legacy@example.com logged in after 44 days of silence",
        severity="HIGH",
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="Okta.FailedLogins",
        dedup="198.51.100.140",
        title="Okta: repeated failed logins to plain account quinn@example.com",
        severity="LOW",
        matches=5,
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="Okta.FailedLogins",
        dedup="203.0.113.66",
        title="Okta: repeated failed logins to admin account adm-alex@example.com",
        severity="HIGH",
        matches=9,
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="Okta.FailedLogins",
        dedup="203.0.113.68",
        title="Okta: repeated failed logins to service account svc-backup@example.com",
        severity="MEDIUM",
        matches=6,
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="Okta.ImpossibleTravel",
        dedup="kim@example.com",
        title="Okta: kim@example.com logged in from Lisbon and then Singapore, 11879 km apart",
        severity="HIGH",
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="Okta.PasswordSpraying",
        dedup="198.51.100.77",
        title="Okta: password spraying from 198.51.100.77 against 12 accounts",
        severity="CRITICAL",
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="Okta.PushBombing",
        dedup="noa@example.com",
        title="Okta: noa@example.com was flooded with push notifications and gave in",
        severity="CRITICAL",
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="VPC.DNSTunnelling",
        dedup="10.0.1.23 quiet-exit.example",
        title="VPC: 10.0.1.23 may be tunnelling through DNS to quiet-exit.example",
        severity="HIGH",
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="VPC.PortScan",
        dedup="10.0.1.34",
        title="VPC: port scan from inside by 10.0.1.34, 120 ports tried",
        severity="HIGH",
    ),
    ExpectedAlert(
        at=REFERENCE,
        rule_id="VPC.PortScan",
        dedup="203.0.113.200",
        title="VPC: port scan from outside by 203.0.113.200, 70 ports tried",
        severity="LOW",
    ),
)
"""What a run of every query at the reference time finds."""

EARLIER = (
    ExpectedAlert(
        at=datetime(2026, 1, 12, 9, 30, tzinfo=UTC),
        rule_id="AWS.RootConsoleLogin",
        dedup="111122223333 Failure",
        title="AWS: root failed to log in to the console of account 111122223333",
        severity="MEDIUM",
    ),
    ExpectedAlert(
        at=datetime(2026, 1, 12, 15, 0, tzinfo=UTC),
        rule_id="Okta.FailedLogins",
        dedup="203.0.113.67",
        title="Okta: repeated failed logins to plain account casey@example.com",
        severity="LOW",
        matches=6,
    ),
    ExpectedAlert(
        at=datetime(2026, 1, 13, 4, 0, tzinfo=UTC),
        rule_id="VPC.PortScan",
        dedup="203.0.113.201",
        title="VPC: port scan from outside by 203.0.113.201, 100 ports tried",
        severity="LOW",
    ),
    ExpectedAlert(
        at=datetime(2026, 1, 13, 6, 30, tzinfo=UTC),
        rule_id="Okta.DormantAccount",
        dedup="front-desk@example.com",
        title="Okta: front-desk@example.com logged in after 42 days of silence",
        severity="MEDIUM",
    ),
    ExpectedAlert(
        at=datetime(2026, 1, 13, 10, 0, tzinfo=UTC),
        rule_id="AWS.ConsoleLoginWithoutMFA",
        dedup="arn:aws:iam::111122223333:user/svc-backup",
        title="AWS: svc-backup logged in to the console of 111122223333 without MFA",
        severity="HIGH",
    ),
    ExpectedAlert(
        at=datetime(2026, 1, 13, 21, 0, tzinfo=UTC),
        rule_id="VPC.DNSTunnelling",
        dedup="10.0.1.27 slow-drip.example",
        title="VPC: 10.0.1.27 may be tunnelling through DNS to slow-drip.example",
        severity="MEDIUM",
    ),
    ExpectedAlert(
        at=datetime(2026, 1, 14, 11, 5, tzinfo=UTC),
        rule_id="AWS.AuditTrailStopped",
        dedup="111122223333 StopLogging company-trail",
        title="AWS: nikita tried to call StopLogging on company-trail",
        severity="MEDIUM",
    ),
)
"""What the scheduled runs of the four days before find, from the first due time after the sample begins."""
