"""A global helper's document and Python → the GlobalHelper, or everything that is wrong with them."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

from runner.definitions.codes import Code
from runner.definitions.detection_file import read_module
from runner.definitions.fields import id_faults, read_keys, repeated_values
from runner.definitions.findings import errors_in
from runner.definitions.global_helper import GlobalHelper
from runner.definitions.keys import GlobalHelperKeys
from runner.definitions.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.definitions.findings import Finding
    from runner.definitions.python_files import PythonFiles
    from runner.definitions.yaml_document import YamlDocument


def read_helper(document: YamlDocument, files: PythonFiles) -> tuple[GlobalHelper | None, list[Finding]]:
    """Return the helper that the document defines, or None, and all findings."""
    keys, faults = read_keys(GlobalHelperKeys, document)
    module, python_findings = read_module(document, files, examined=files.examines)
    findings: list[Finding] = [
        *faults,
        *id_faults(document, "GlobalID"),
        *repeated_values(document, "Tags"),
        *python_findings,
        *_shadowed_module(document),
    ]
    if keys is None or module is None or errors_in(findings):
        return None, findings
    helper = GlobalHelper(
        helper_id=keys.global_id,
        python=module.source,
        location=document.position(),
        description=keys.description,
        tags=keys.tags,
    )
    return helper, findings


def _shadowed_module(document: YamlDocument) -> Iterator[Notice]:
    helper_id = document.value.get("GlobalID")
    if isinstance(helper_id, str) and helper_id.isidentifier() and _is_module(helper_id):
        message = f"the helper hides the Python module `{helper_id}` from rules"
        yield Notice(Code.SHADOWED_MODULE, message, document.position(("GlobalID",)))


def _is_module(name: str) -> bool:
    if name in sys.stdlib_module_names or name in sys.builtin_module_names:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # a module that was loaded without a spec, such as __main__
        return True
