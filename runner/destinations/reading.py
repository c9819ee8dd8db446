"""Reads the `[destinations.<name>]` tables of the settings: all of them, with every fault in them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from runner.destinations.destination import Destination, Pace, Subscription
from runner.destinations.kinds import KINDS, REQUIRED, SHARED_OPTIONS, Surroundings
from runner.destinations.punctual import PunctualSender
from runner.destinations.secrecy import MaskedSender, secrets_of
from runner.errors import SettingsError
from runner.references import Mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from runner.clock import Clock
    from runner.options import Option


def read_destinations(
    tables: Mapping[str, Mapping[str, Any]], *, root: Path, clock: Clock
) -> tuple[Destination, ...]:
    """Return the destinations, in the order in which they are written.

    Raises `SettingsError` naming every wrong option of every destination.
    """
    found: list[Destination] = []
    faults: list[str] = []
    for name, table in tables.items():
        try:
            found.append(_destination(name, table, root, clock))
        except SettingsError as error:
            faults += str(error).splitlines()
    faults += _clashes(found)
    if faults:
        raise SettingsError("\n".join(faults))
    return tuple(found)


def _destination(name: str, table: Mapping[str, Any], root: Path, clock: Clock) -> Destination:
    place = f'destinations."{name}"'
    kind = KINDS.get(str(table.get("kind")))
    options = (*SHARED_OPTIONS, *(kind.options if kind else ()))
    faults: list[str] = []
    given = dict(read_options(place, table, options, faults, knows_all=kind is not None))
    unfit = kind.unfit if kind else {}
    faults += [f"{place}.{key}: not for this kind: {why}" for key, why in unfit.items() if key in table]
    if faults or kind is None:
        raise SettingsError("\n".join(faults))
    around = Surroundings(root=root, clock=clock, timeout=given["timeout_seconds"])
    try:
        sender = kind.make(given, around)
    except (ValueError, SettingsError) as error:
        message = Mask(secrets_of([table])).masked(str(error))
        raise SettingsError(f"{place}: {message}") from error
    return Destination(
        name=name,
        kind=given["kind"],
        output_id=given["id"],
        subscription=Subscription(
            severities=frozenset(given["severities"]),
            alert_types=frozenset(given["alert_types"]),
            log_types=frozenset(given["log_types"]),
            tags=frozenset(given["tags"]),
        ),
        pace=Pace(
            timeout=given["timeout_seconds"],
            per_minute=given["per_minute"],
            group_above=given["group_above"],
        ),
        takes_updates=given["updates"],
        sender=PunctualSender(MaskedSender(sender, secrets_of([table])), given["timeout_seconds"]),
    )


def read_options(
    place: str, table: Mapping[str, Any], options: Sequence[Option], faults: list[str], *, knows_all: bool
) -> Iterator[tuple[str, Any]]:
    """Yield each option of a table with its value, and add what is wrong to `faults`.

    Unknown keys are told only if all options are known.
    """
    known = {option.name for option in options}
    for key in table:
        if key not in known and knows_all:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f": did you mean {near[0]}?" if near else f" (the options: {', '.join(sorted(known))})"
            faults.append(f"{place}.{key}: there is no such option{hint}")
    for option in options:
        if option.name not in table:
            if option.default is REQUIRED:
                faults.append(f"{place}: {option.name} is missing: {option.help}")
            yield option.name, option.default
            continue
        try:
            yield option.name, option.read(table[option.name])
        except ValueError as error:
            # the value is not shown: it may be a secret
            faults.append(f"{place}.{option.name}: {error}")


def _clashes(found: Sequence[Destination]) -> Iterator[str]:
    """Yield a fault for each destination that a rule could not tell from an earlier one."""
    seen: dict[str, str] = {}
    for one in found:
        for called in {one.name, one.output_id} - {""}:
            if called in seen:
                yield f'destinations."{one.name}": {called!r} already means destinations."{seen[called]}"'
            seen[called] = one.name
