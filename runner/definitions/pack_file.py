"""A pack's document → the Pack, or everything that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.definitions.fields import id_faults, located_texts, read_keys
from runner.definitions.findings import errors_in
from runner.definitions.pack import Pack
from runner.definitions.pack_keys import PackKeys

if TYPE_CHECKING:
    from runner.definitions.findings import Finding
    from runner.definitions.location import Location
    from runner.definitions.yaml_document import YamlDocument

_IDS = ("PackDefinition", "IDs")


def read_pack(document: YamlDocument) -> tuple[Pack | None, list[Finding]]:
    """Return the pack that the document defines, or None, and all findings."""
    keys, faults = read_keys(PackKeys, document)
    findings: list[Finding] = [*faults, *id_faults(document, "PackID", "DisplayName")]
    if keys is None or errors_in(findings):
        return None, findings
    pack = Pack(
        pack_id=keys.pack_id,
        definition_ids=keys.pack_definition.ids,
        location=document.position(),
        display_name=keys.display_name,
        description=keys.description,
    )
    return pack, findings


def named_in_pack(document: YamlDocument) -> tuple[tuple[str, Location], ...]:
    """Return the ids that a pack's document names, each with its place."""
    return located_texts(document, _IDS)
