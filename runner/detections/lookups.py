"""Lookup tables, loaded: the rows that enrich events, and that `event.lookup` finds."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
from typing import TYPE_CHECKING, Any, Final

from runner.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from runner.definitions.lookup_table import LookupTable

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address
    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ENRICHMENT: Final = "p_enrichment"
"""The key of an event under which the rows of lookup tables lie: by table, then by selector."""


class LookupTables:
    """The enabled tables of a catalogue, by name; a table's file is read when the table is first asked."""

    def __init__(self, tables: Iterable[LookupTable], root: Path) -> None:
        self._tables = {table.name: LoadedTable(table, root) for table in tables if table.enabled}
        self._selectors: dict[str, list[tuple[str, str]]] = {}
        for table in self._tables.values():
            for log_type, selector in table.selectors():
                self._selectors.setdefault(log_type, []).append((table.name, selector))

    def __bool__(self) -> bool:
        return bool(self._tables)

    def row(self, table: str, key: Any) -> Any:
        """Return the row of a key, plain; None if there is no such table, or no such row."""
        loaded = self._tables.get(table)
        return None if loaded is None else loaded.row(key)

    def enriched(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return an event with the rows that belong to it under `p_enrichment`; what already is there stays.

        The selectors are those of the event's `p_log_type`. Without a row the event comes back as it is. A table whose
        file cannot be read gives none: `runner check` tells of it, and rules that do not ask for it can be tested.
        """
        found: dict[str, dict[str, Any]] = {}
        for table, selector in self._selectors.get(str(event.get("p_log_type")), ()):
            row = None
            with contextlib.suppress(DefinitionError):
                row = self._tables[table].rows_for(_selected(event, selector))
            if row:
                found.setdefault(table, {})[selector] = row
        if not found:
            return event
        there = event.get(ENRICHMENT)
        for table, by_selector in (there if isinstance(there, dict) else {}).items():
            found[table] = {**found.get(table, {}), **by_selector}
        return {**event, ENRICHMENT: found}


class LoadedTable:
    """The rows of one table by their primary key. A key that is a network stands for every address within."""

    def __init__(self, table: LookupTable, root: Path) -> None:
        self.name = table.name
        self._table = table
        self._root = root

    def selectors(self) -> Iterator[tuple[str, str]]:
        """Yield each log type whose events are looked up here, with each selector for it."""
        for associated in self._table.associated:
            for selector in associated.selectors:
                yield associated.log_type, selector

    def row(self, key: Any) -> dict[str, Any] | None:
        """Return the row of a key, or None; of several networks, the narrowest that holds an address.

        Raises:
            DefinitionError: the table's file cannot be read.
        """
        found = self._by_key.get(str(key))
        if found is not None or not self._networks:
            return found
        address = _address(key)
        return None if address is None else next(self._holding(address), None)

    def rows_for(self, value: Any) -> Any:
        """Return the row for what a selector found in an event: of a list, a row for each of its values, marked."""
        if not isinstance(value, list):
            return None if value is None else self.row(value)
        return [{**row, "p_match": one} for one in value if (row := self.row(one)) is not None]

    def _holding(self, address: Address) -> Iterator[dict[str, Any]]:
        return (row for network, row in self._networks if address in network)

    @functools.cached_property
    def _by_key(self) -> dict[str, dict[str, Any]]:
        from runner.definitions.lookup_rows import read_rows  # noqa: PLC0415  few projects have tables

        rows = read_rows(self._root, self._table)
        return {str(row[self._table.primary_key]): row for row in rows if self._table.primary_key in row}

    @functools.cached_property
    def _networks(self) -> Sequence[tuple[Network, dict[str, Any]]]:
        """The networks among the keys, the narrowest first."""
        found = [(network, row) for key, row in self._by_key.items() if (network := _network(key))]
        return sorted(found, key=lambda pair: -pair[0].prefixlen)


def _selected(event: Mapping[str, Any], selector: str) -> Any:
    """Return the value that a selector names: a key, or keys with dots between; None if there is none."""
    if selector in event:
        return event[selector]
    value: Any = event
    for key in selector.split("."):
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return value


def _network(key: str) -> Network | None:
    try:
        return ipaddress.ip_network(key, strict=False) if "/" in key else None
    except ValueError:
        return None


def _address(key: Any) -> Address | None:
    try:
        return ipaddress.ip_address(key) if isinstance(key, str) else None
    except ValueError:
        return None
