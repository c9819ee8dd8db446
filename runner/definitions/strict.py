"""What Panther's own tool refuses and we do not: for files that are to serve both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.definitions.codes import Code
from runner.definitions.fields import described
from runner.definitions.severity import Severity
from runner.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.definitions.yaml_document import YamlDocument
    from runner.errors import DefinitionError

_OURS = ("DuckDBQuery",)
_SEVERITIES = [name.title() for name in Severity]


def refused_by_panther(document: YamlDocument) -> Iterator[DefinitionError]:
    """Yield an error for each thing in a document that only we accept."""
    for key in _OURS:
        if key in document.value:
            message = f"Panther knows no key `{key}`"
            yield InvalidField(message, document.key_position((key,)), Code.FOREIGN_KEY)
    severity = document.value.get("Severity")
    is_ours = isinstance(severity, str) and severity.upper() in Severity.__members__
    if is_ours and severity not in _SEVERITIES:
        message = f"Panther's tool wants one of {', '.join(_SEVERITIES)}, found {described(severity)}"
        yield InvalidField(message, document.position(("Severity",)), Code.SEVERITY_CASE)
