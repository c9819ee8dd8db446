"""The YAML conditions of a rule → the SimpleDetection, or everything that is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.definitions.codes import Code
from runner.definitions.expression_file import ExpressionReader
from runner.definitions.fields import described, name_of, suggestion
from runner.definitions.severity import Severity
from runner.definitions.simple_detection import DynamicSeverity, SimpleDetection
from runner.errors import DefinitionError, InvalidField

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.definitions.match_expression import Target
    from runner.definitions.yaml_document import KeyPath, YamlDocument

_SEVERITIES = [name.title() for name in Severity]


def read_simple_detection(document: YamlDocument) -> tuple[SimpleDetection | None, list[DefinitionError]]:
    """Return what a document's `Detection` and the keys beside it say, or None, and what is wrong with them."""
    reader = ExpressionReader(document)
    parts = _Parts(document, reader)
    detection = reader.combination(("Detection",))
    simple = SimpleDetection(
        detection=detection,
        alert_title=parts.title(),
        alert_context=tuple(parts.context()),
        group_by=tuple(parts.group_by()),
        dynamic_severities=tuple(parts.severities()),
    )
    errors = [*reader.errors, *parts.errors]
    return (None if errors else simple), errors


class _Parts:
    """The keys beside `Detection` that make the alert."""

    def __init__(self, document: YamlDocument, reader: ExpressionReader) -> None:
        self._document = document
        self._reader = reader
        self.errors: list[DefinitionError] = []

    def title(self) -> str:
        title = self._document.value.get("AlertTitle", "")
        if not isinstance(title, str):
            self._wrong(("AlertTitle",), f"expected a text, found {described(title)}")
            return ""
        return title

    def group_by(self) -> Iterator[Target]:
        for place, _ in self._items("GroupBy"):
            target = self._reader.target(place)
            if target is not None:
                yield target

    def context(self) -> Iterator[tuple[str, Target]]:
        for place, item in self._items("AlertContext"):
            if self._has(place, item, "KeyName", "KeyValue"):
                target = self._reader.target((*place, "KeyValue"))
                if target is not None:
                    yield str(item["KeyName"]), target

    def severities(self) -> Iterator[DynamicSeverity]:
        for place, item in self._items("DynamicSeverities"):
            if not self._has(place, item, "ChangeTo", "Conditions"):
                continue
            conditions = self._reader.combination((*place, "Conditions"))
            severity = str(item["ChangeTo"]).upper()
            if severity in Severity.__members__:
                yield DynamicSeverity(severity=Severity(severity), conditions=conditions)
            else:
                hint = suggestion(severity, _SEVERITIES)
                message = (
                    f"expected one of {', '.join(_SEVERITIES)}, found {described(item['ChangeTo'])}{hint}"
                )
                self._wrong((*place, "ChangeTo"), message)

    def _items(self, key: str) -> Iterator[tuple[KeyPath, Any]]:
        found = self._document.value.get(key, [])
        if not isinstance(found, list):
            self._wrong((key,), f"expected a list, found {described(found)}")
            return
        for index, item in enumerate(found):
            yield (key, index), item

    def _has(self, place: KeyPath, item: Any, *names: str) -> bool:
        """Whether an item is a mapping with exactly these keys; what is wrong with it is noted."""
        if not isinstance(item, dict):
            self._wrong(place, f"expected a mapping with {' and '.join(names)}, found {described(item)}")
            return False
        missing = [name for name in names if name not in item]
        for name in missing:
            self._wrong(place, f"`{name}` is missing")
        for key in item:
            if key not in names:
                where = self._document.key_position((*place, key))
                message = f"unknown key {name_of((*place, key))}{suggestion(str(key), names)}"
                self.errors.append(InvalidField(message, where, Code.UNKNOWN_KEY))
        return not missing

    def _wrong(self, place: KeyPath, message: str) -> None:
        where = self._document.position(place)
        self.errors.append(InvalidField(f"{name_of(place)}: {message}", where, Code.BAD_CONDITION))
