"""The made-up company whose logs the sample lake holds: its people, places, hosts and times.

All public addresses are from the ranges kept for documentation, all domains from the names kept for examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

REFERENCE = datetime(2026, 1, 15, tzinfo=UTC)
"""The time at which the sample is looked at; every record lies before it."""

START = REFERENCE - timedelta(days=4)
"""When the sample begins, but for a few old logins of accounts that fell asleep."""

ACCOUNT = "111122223333"
REGION = "eu-west-1"
VPC = "vpc-0e1a2b3c4d5f60718"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A city as a geolocation database knows it; degrees north and east."""

    city: str
    state: str
    country: str
    lat: float
    lon: float


LISBON = Place(city="Lisbon", state="Lisbon", country="Portugal", lat=38.7223, lon=-9.1393)
DENVER = Place(city="Denver", state="Colorado", country="United States", lat=39.7392, lon=-104.9903)
OSLO = Place(city="Oslo", state="Oslo", country="Norway", lat=59.9139, lon=10.7522)
REYKJAVIK = Place(city="Reykjavik", state="Capital Region", country="Iceland", lat=64.1466, lon=-21.9426)
SINGAPORE = Place(city="Singapore", state="Singapore", country="Singapore", lat=1.3521, lon=103.8198)
VILNIUS = Place(city="Vilnius", state="Vilnius", country="Lithuania", lat=54.6872, lon=25.2797)


@dataclass(frozen=True, kw_only=True, slots=True)
class Office:
    """Where people work: one address for all of them, and a local time."""

    place: Place
    address: str
    utc_offset: timedelta
    people: tuple[str, ...]


OFFICES = (
    Office(
        place=LISBON,
        address="192.0.2.10",
        utc_offset=timedelta(0),
        people=(
            *(
                "alex",
                "andrea",
                "ariel",
                "charlie",
                "chris",
                "dana",
                "eli",
                "jo",
                "jules",
                "kim",
                "luca",
                "marin",
            ),
            *("max", "mika", "nikita", "noa", "pat", "rene", "robin", "sam", "sascha", "sol", "toni", "vivi"),
        ),
    ),
    Office(
        place=DENVER,
        address="192.0.2.20",
        utc_offset=timedelta(hours=-7),
        people=(
            *("avery", "blake", "casey", "drew", "emery", "finley", "harper", "hayden", "jamie", "jordan"),
            *("kendall", "logan", "morgan", "parker", "peyton", "quinn", "reese", "riley", "rowan", "sage"),
            *("skyler", "tatum", "taylor", "wren"),
        ),
    ),
)

ENGINEERS = ("alex", "dana", "jules", "luca", "nikita", "sascha", "casey", "jamie", "quinn", "rowan")
SERVICES = ("svc-backup", "svc-build", "svc-monitor")
SERVICE_ADDRESS = "192.0.2.50"
VPN_EXIT = "192.0.2.200"

APP_HOSTS = tuple(f"10.0.1.{n}" for n in range(20, 36))
DATABASE_HOSTS = ("10.0.2.11", "10.0.2.12")
BALANCER = "10.0.0.5"
MONITOR = "10.0.0.9"
RESOLVER = "10.0.0.2"


def busyness(at: datetime) -> float:
    """Return how busy the company is at a time, from 0.1 in a quiet night to about 1."""
    return 0.1 + sum(_presence(at + office.utc_offset) for office in OFFICES) * 0.55


def _presence(local: datetime) -> float:
    """Return the share of an office's people at work at a local time."""
    if local.weekday() > 4:
        return 0.05
    hours = local.hour + local.minute / 60
    return max(0.0, 1 - abs(hours - 13.5) / 6)
