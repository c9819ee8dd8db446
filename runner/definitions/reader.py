"""Files under a folder → what each of them defines, and every error found in it."""

from __future__ import annotations

import difflib
import functools
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.definitions.codes import Code
from runner.definitions.fields import described, located_texts, suggestion
from runner.definitions.folder import contents_of
from runner.definitions.kind import Kind, OtherDefinition
from runner.definitions.notice import Notice
from runner.definitions.reading import Reading
from runner.definitions.source_text import decoded, read_bytes
from runner.definitions.strict import refused_by_panther
from runner.definitions.yaml_document import YamlDocument
from runner.errors import DefinitionError, InvalidField, UnreadableDefinition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.definitions.findings import Finding
    from runner.definitions.python_files import PythonFiles
    from runner.definitions.reading import Definition

_MARK = b"AnalysisType"
_ENCODINGS = ("ascii", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_MARKS = tuple(_MARK.decode().encode(encoding) for encoding in _ENCODINGS)
_KINDS = {kind.value: kind for kind in Kind}
_ID_KEYS = tuple(dict.fromkeys(kind.id_key for kind in Kind))
_SIGN = re.compile(rf"^[\"']?({'|'.join(_ID_KEYS)})[\"']?\s*:".encode(), re.MULTILINE)
"""What a definition has at its top level besides its type: it shows one whose `AnalysisType` is misspelt or lost."""
_MISSPELT = 0.75
"""How like `AnalysisType`, from 0 to 1, a key has to be to be taken for it."""


def read_folder(
    root: Path, files: PythonFiles, *, exclude: tuple[str, ...] = (), folders: tuple[str, ...] = ()
) -> Iterator[Reading]:
    """Yield a reading of each definition under `root`, in the order of the paths.

    `files` reads the Python that definitions name. `exclude` and `folders` say where to look, as in `contents_of`.
    Files without `AnalysisType` are nobody's definitions, and are passed over, also if they are not YAML; one that looks
    like a definition otherwise has a notice.
    """
    contents = contents_of(root, exclude, folders)
    yield from map(unread, contents.faults)
    for path in contents.files:
        reading = read_file(root, Path(path), files)
        if reading is not None:
            yield reading


def read_file(root: Path, path: Path, files: PythonFiles) -> Reading | None:
    """Return what the file at `path` (relative to `root`) defines, or None if it is no definition."""
    try:
        raw = read_bytes(root / path, path)
    except UnreadableDefinition as error:
        return unread(error)
    return read_content(raw, path, files)


def read_content(raw: bytes, path: Path, files: PythonFiles) -> Reading | None:
    """Return what a file's bytes define, or None if they are no definition; `path` is where the file stands."""
    if _MARK.lower() not in raw.lower() and not any(mark in raw for mark in _MARKS) and not _SIGN.search(raw):
        return None
    try:
        text = decoded(raw, path)
        document = YamlDocument(text, path)
    except UnreadableDefinition as error:
        return unread(error) if any(mark in raw for mark in _MARKS) else None
    return read_document(document, text, files)


def unread(error: DefinitionError) -> Reading:
    """Return the reading of something that cannot be read."""
    return Reading(location=error.location, findings=(error,))


def read_document(document: YamlDocument, text: str, files: PythonFiles) -> Reading | None:
    """Return what a YAML document defines, or None if it is no definition; `text` is the file's."""
    value = document.value
    if not isinstance(value, dict):
        return None
    if "AnalysisType" not in value:
        return _almost_a_definition(document)
    kind = _KINDS.get(value["AnalysisType"]) if isinstance(value["AnalysisType"], str) else None
    if kind is None:
        return unread(_unknown_kind(document))
    name = value.get(kind.id_key)
    definition_id = name if isinstance(name, str) and name.strip() else None
    definition, findings = _define(kind, definition_id, document, files)
    return Reading(
        location=document.position((kind.id_key,)),
        findings=tuple(findings),
        kind=kind,
        definition_id=definition_id,
        definition=definition,
        names=_function(_NAMES[kind])(document) if kind in _NAMES else (),
        outputs=located_texts(document, ("OutputIds",)),
        refused=tuple(refused_by_panther(document)),
        text=text,
    )


def _define(
    kind: Kind, definition_id: str | None, document: YamlDocument, files: PythonFiles
) -> tuple[Definition | None, list[Finding]]:
    definition: Definition | None
    findings: list[Finding]
    if kind is Kind.RULE and _BASE in document.value:
        definition, findings = _function(_DERIVED)(document)
    elif kind in _WITH_A_FILE:
        definition, findings = _function(_WITH_A_FILE[kind])(document, files)
    elif kind in _ALONE:
        definition, findings = _function(_ALONE[kind])(document)
    else:
        return OtherDefinition(kind=kind, definition_id=definition_id, location=document.position()), []
    return definition, [*document.repeated_keys, *findings]


_BASE = "BaseDetection"
"""The key that makes a rule a derived detection, with keys of its own."""
_DERIVED = "derived_rule_file.read_derived_rule"
_WITH_A_FILE = {
    Kind.SCHEDULED_RULE: "scheduled_rule_file.read_scheduled_rule",
    Kind.RULE: "stream_rule_file.read_stream_rule",
    Kind.POLICY: "policy_file.read_policy",
    Kind.GLOBAL: "helper_file.read_helper",
    Kind.DATA_MODEL: "data_model_file.read_data_model",
    Kind.LOOKUP_TABLE: "lookup_table_file.read_lookup_table",
}
"""What reads a kind whose definitions name a file: a function of the document and the project's files."""
_ALONE = {
    Kind.SCHEDULED_QUERY: "query_file.read_query",
    Kind.SAVED_QUERY: "query_file.read_saved_query",
    Kind.CORRELATION_RULE: "correlation_rule_file.read_correlation_rule",
    Kind.PACK: "pack_file.read_pack",
}
"""What reads a kind that is whole in itself: a function of the document."""
_NAMES = {
    Kind.SCHEDULED_RULE: "scheduled_rule_file.listened_to",
    Kind.CORRELATION_RULE: "correlation_rule_file.correlated",
    Kind.PACK: "pack_file.named_in_pack",
}
"""What finds the names that definitions of a kind give, each with its place: a function of the document."""


@functools.cache
def _function(place: str) -> Callable[..., Any]:
    """Return a function of one of the modules beside this one, which is imported now.

    A project of rules waits for what reads rules, and for nothing else: all of them together take a fifth of a second.
    """
    module, _, name = place.partition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    return found


def _unknown_kind(document: YamlDocument) -> DefinitionError:
    found = document.value["AnalysisType"]
    hint = suggestion(found, _KINDS) if isinstance(found, str) else ""
    message = f"`AnalysisType` names no kind of definition: found {described(found)}{hint}"
    return InvalidField(message, document.position(("AnalysisType",)), Code.UNKNOWN_KIND)


def _almost_a_definition(document: YamlDocument) -> Reading | None:
    """Return a notice if a file without `AnalysisType` has a key that is nearly that, or an id of a definition."""
    keys = {str(key).lower(): key for key in document.value}
    near = difflib.get_close_matches(_MARK.decode().lower(), keys, n=1, cutoff=_MISSPELT)
    found = keys[near[0]] if near else next((key for key in _ID_KEYS if key in document.value), None)
    if found is None:
        return None
    where = document.key_position((found,))
    why = f"`{found}` is not spelt `AnalysisType`" if near else f"it has `{found}` and no `AnalysisType`"
    notice = Notice(Code.ALMOST_A_DEFINITION, f"the file is skipped, because {why}", where)
    return Reading(location=where, findings=(notice,))
