"""A data model's document and Python → the DataModel, or everything that is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.definitions.codes import Code
from runner.definitions.data_model import DataModel, FieldMapping
from runner.definitions.data_model_keys import DataModelKeys
from runner.definitions.detection_file import read_module
from runner.definitions.fields import id_faults, read_keys, repeated_values, suggestion
from runner.definitions.findings import errors_in
from runner.definitions.json_path import path_fault
from runner.definitions.notice import Notice
from runner.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.definitions.findings import Finding
    from runner.definitions.python_files import PythonFiles
    from runner.definitions.python_module import PythonModule
    from runner.definitions.yaml_document import KeyPath, YamlDocument
    from runner.errors import DefinitionError


def read_data_model(document: YamlDocument, files: PythonFiles) -> tuple[DataModel | None, list[Finding]]:
    """Return the data model that the document defines, or None, and all findings, those in its Python too."""
    keys, faults = read_keys(DataModelKeys, document)
    findings: list[Finding] = [
        *faults,
        *id_faults(document, "DataModelID", "DisplayName"),
        *repeated_values(document, "LogTypes", "Tags"),
    ]
    module = None
    if files.examines or document.value.get("Enabled") is not False:  # nobody will load one that is disabled
        module, python_findings = read_module(document, files, examined=files.examines)
        findings += [*_mapping_findings(document, module, compiling=files.examines), *python_findings]
    if keys is None or errors_in(findings):
        return None, findings
    model = DataModel(
        model_id=keys.data_model_id,
        enabled=keys.enabled,
        log_types=keys.log_types,
        mappings=_mappings(keys),
        location=document.position(),
        python=module.source if module else None,
        display_name=keys.display_name,
    )
    return model, findings


def _mappings(keys: DataModelKeys) -> tuple[FieldMapping, ...]:
    by_name = {mapping.name: mapping for mapping in keys.mappings}
    return tuple(
        FieldMapping(name=name, path=mapping.path or None, method=mapping.method or None)
        for name, mapping in by_name.items()
    )


def _mapping_findings(
    document: YamlDocument, module: PythonModule | None, *, compiling: bool
) -> Iterator[Finding]:
    mappings: Any = document.value.get("Mappings")
    seen: set[str] = set()
    for index, mapping in enumerate(mappings if isinstance(mappings, list) else ()):
        if not isinstance(mapping, dict):
            continue  # the keys have told
        place = ("Mappings", index)
        name = mapping.get("Name")
        if isinstance(name, str) and name in seen:
            message = f"`{name}` is mapped for the second time; the last mapping counts"
            yield Notice(Code.SHADOWED_MAPPING, message, document.position((*place, "Name")))
        seen.add(str(name))
        yield from _one_mapping_faults(document, place, mapping, module, compiling=compiling)


def _one_mapping_faults(
    document: YamlDocument,
    place: KeyPath,
    mapping: dict[Any, Any],
    module: PythonModule | None,
    *,
    compiling: bool,
) -> Iterator[DefinitionError]:
    given = [key for key in ("Path", "Method") if key in mapping]
    if len(given) != 1:
        found = "both" if given else "neither"
        message = f"a mapping has exactly one of Path and Method, found {found}"
        yield InvalidField(message, document.position(place), Code.BAD_MAPPING)
        return
    where, value = (*place, given[0]), mapping[given[0]]
    if not isinstance(value, str):
        return
    fault = (
        path_fault(value, compiling=compiling)
        if given == ["Path"]
        else _method_fault(value, document, module if compiling else None)
    )
    if fault:
        yield InvalidField(fault, document.position(where), Code.BAD_MAPPING)


def _method_fault(name: str, document: YamlDocument, module: PythonModule | None) -> str | None:
    if "Filename" not in document.value:
        return f"the method '{name}' needs a Python file, and there is no `Filename`"
    if module is None or name in module.bindings or "*" in module.bindings:
        return None  # a file that cannot be read is told of where it is named
    return f"the Python file does not define '{name}'{suggestion(name, module.bindings)}"
