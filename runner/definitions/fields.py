"""A YAML document put to the keys of its kind: the keys' values, and every fault as a located sentence."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from runner.definitions.codes import Code
from runner.errors import DefinitionError, InvalidField

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydantic_core import ErrorDetails

    from runner.definitions.location import Location
    from runner.definitions.yaml_document import KeyPath, Step, YamlDocument

Model = TypeVar("Model", bound=BaseModel)

ID_FORBIDDEN = frozenset('<>&"%')
"""The characters that Panther refuses in ids, query names and display names."""
_TRUTH_VALUE = "true or false"
_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": _TRUTH_VALUE,
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_UNKNOWN = ("extra_forbidden", "invalid_key")
_KEY = "[key]"
"""How pydantic's location says that a mapping's key is meant and not its value."""
_YAML_1_1_TRUTH = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_LONGEST_QUOTE = 60


def read_keys(model: type[Model], document: YamlDocument) -> tuple[Model | None, list[DefinitionError]]:
    """Return the document's keys as `model` and no errors, or None and everything that is wrong with them."""
    misplaced = list(_misplaced_sets(document.value, ())) if document.has_sets else []
    if misplaced:
        return None, [wrong_type(place, "a list or a mapping", document) for place in misplaced]
    try:
        return model.model_validate(document.value), []
    except ValidationError as error:
        return None, list(_faults(error, model, document))


def _misplaced_sets(value: Any, place: KeyPath) -> Iterator[KeyPath]:
    """Yield where a `!!set` stands outside of the events of tests: pydantic would take it for a list."""
    if isinstance(value, set):
        yield place
    elif place[:1] == ("Tests",) and place[2:3] in (("Log",), ("Resource",)):
        return
    elif isinstance(value, (dict, list)):
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _misplaced_sets(item, (*place, step))


def _faults(
    error: ValidationError, model: type[BaseModel], document: YamlDocument
) -> Iterator[DefinitionError]:
    """Translate pydantic's findings; those on one value (one for each member of a union) become one sentence."""
    found = [
        (_in_document(fault, document.value), _kind_of(fault["type"], fault["loc"]))
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    for keys, faults in groupby(found, key=lambda fault: fault[0]):
        kinds = [kind for _, kind in faults]
        if kinds[0] == "missing":
            yield _missing(keys, document)
        elif kinds[0] in _UNKNOWN:
            yield unknown_key(keys, _known_keys(model, keys), document)
        elif kinds[0] == _KEY:
            message = f"{name_of(keys)}: expected a text as key, found {described(keys[-1])}"
            yield InvalidField(message, document.key_position(keys), Code.WRONG_TYPE)
        else:
            yield wrong_type(
                keys, " or ".join(dict.fromkeys(_EXPECTED.get(kind, kind) for kind in kinds)), document
            )


def _kind_of(kind: str, loc: Sequence[int | str]) -> str:
    return _KEY if loc[-1] == _KEY else kind


def _in_document(fault: ErrorDetails, value: object) -> KeyPath:
    """Return the part of pydantic's location that leads through the document, and a missing key at its end.

    What follows may name a member of a union, which is no part of the document.
    """
    keys: list[Step] = []
    for step in fault["loc"]:
        if isinstance(value, Mapping):
            key = step if step in value else next((key for key in value if str(key) == step), step)
            if key in value or fault["type"] == "missing":
                keys.append(key)
            if key not in value:
                break
            value = value[key]
        elif isinstance(value, list) and isinstance(step, int):
            keys.append(step)
            value = value[step]
        else:
            break
    return tuple(keys)


def _missing(keys: KeyPath, document: YamlDocument) -> DefinitionError:
    where = document.key_position(keys[:-1]) if len(keys) > 1 else document.position()
    return InvalidField(f"the key {name_of(keys)} is missing", where, Code.MISSING_KEY)


def unknown_key(keys: KeyPath, known: Iterable[str], document: YamlDocument) -> DefinitionError:
    """Return the error for a key that is not among `known`, with the nearest of them as a suggestion."""
    message = f"unknown key {name_of(keys)}{suggestion(str(keys[-1]), known)}"
    return InvalidField(message, document.key_position(keys), Code.UNKNOWN_KEY)


def wrong_type(keys: KeyPath, expected: str, document: YamlDocument) -> DefinitionError:
    """Return the error for a value that is not `expected`, saying what was found instead."""
    found = _value_at(document.value, keys)
    message = f"{name_of(keys)}: expected {expected}, found {described(found)}"
    if expected == _TRUTH_VALUE and isinstance(found, str) and found.lower() in _YAML_1_1_TRUTH:
        message += f"; in YAML 1.2, {found} is a text: write {_YAML_1_1_TRUTH[found.lower()]}"
    return InvalidField(message, document.position(keys), Code.WRONG_TYPE)


def name_of(keys: KeyPath) -> str:
    """Return how a message names a place in a document: `Schedule.RateMinutes`, `Tests[0].Name`."""
    name = ""
    for step in keys:
        name += f"[{step}]" if isinstance(step, int) and name else f".{step}" if name else str(step)
    return f"`{name}`"


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` with the nearest of the known names, or nothing if none is near."""
    spelling = {name.lower(): name for name in known}
    near = difflib.get_close_matches(wrong.lower(), spelling, n=1, cutoff=0.6)
    return f"; did you mean `{spelling[near[0]]}`?" if near else ""


def described(value: object) -> str:
    """Return how a message names a value that was found: its type and, if it is short, the value."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"the text {_shortened(repr(value))}"
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"the number {_shortened(repr(value))}"
    if isinstance(value, (set, bytes)):
        return "a set" if isinstance(value, set) else "bytes"
    return "a mapping" if isinstance(value, Mapping) else "a list"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"


def _value_at(value: Any, keys: KeyPath) -> Any:
    for step in keys:
        value = value[step]
    return value


def _known_keys(model: type[BaseModel], keys: KeyPath) -> list[str]:
    """Return the keys that the mapping around `keys` may have, by following the models."""
    inner = model
    for step in keys[:-1]:
        if isinstance(step, str):
            inner = _model_in(inner, step) or inner
    own = [field.alias or name for name, field in inner.model_fields.items()]
    return [*own, *getattr(inner, "turning", ())]


def _model_in(model: type[BaseModel], alias: str) -> type[BaseModel] | None:
    annotations = (field.annotation for field in model.model_fields.values() if field.alias == alias)
    return next((inner for annotation in annotations for inner in models_in(annotation)), None)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that a type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from models_in(part)


def located_texts(document: YamlDocument, place: KeyPath) -> tuple[tuple[str, Location], ...]:
    """Return the texts of the list at a place of the document, each with where it stands; none if there is no list."""
    values = document.find(place)
    return tuple(
        (value, document.position((*place, index)))
        for index, value in enumerate(values if isinstance(values, list) else ())
        if isinstance(value, str)
    )


def id_faults(document: YamlDocument, *names: str) -> Iterator[DefinitionError]:
    """Yield an error for each of the keys whose text Panther would refuse as an id."""
    for name in names:
        text = document.value.get(name)
        if not isinstance(text, str):
            continue
        if not text or (name != "DisplayName" and not text.strip()):
            yield InvalidField(f"`{name}` is empty", document.position((name,)), Code.BAD_ID)
        for character in sorted(ID_FORBIDDEN & set(text)):
            message = f"`{name}` may not contain {character}"
            yield InvalidField(message, document.position((name,)), Code.BAD_ID)


def repeated_values(document: YamlDocument, *names: str) -> Iterator[DefinitionError]:
    """Yield an error for each text that stands twice in a list that is a set; `Tags` are compared in any case."""
    for name in names:
        values = document.value.get(name)
        seen: set[str] = set()
        for index, value in enumerate(values if isinstance(values, list) else ()):
            text = str(value).lower() if name == "Tags" else str(value)
            if text in seen:
                message = f"`{name}` has {described(value)} twice" + (
                    " (case does not matter)" * (name == "Tags")
                )
                yield InvalidField(message, document.position((name, index)), Code.REPEATED_VALUE)
            seen.add(text)
