import sys
from pathlib import Path

import pytest

from runner.definitions.python_source import PythonSource
from runner.definitions.severity import Severity
from runner.detections.event import Event, ImmutableCaseInsensitiveDict, ImmutableList
from runner.detections.loading import Namespace
from runner.errors import DetectionError

RULE = "def rule(event): return True\n"


def source(text, path="scheduled_rules/example.py"):
    return PythonSource(path=Path(path), text=text)


def namespace(**helpers):
    return Namespace({name: source(text, f"helpers/file_of_{name}.py") for name, text in helpers.items()})


def load(space, text, rule_id="Example.Rule"):
    return space.load(source(text), rule_id=rule_id, severity=Severity.LOW)


def refused(space, text):
    with pytest.raises(DetectionError) as caught:
        load(space, text)
    return caught.value


def test_a_rule_without_rule_is_refused():
    error = refused(namespace(), "def title(event): return 'x'\n")

    assert (error.rule_id, error.function) == ("Example.Rule", "rule")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("def rule(:\n", "SyntaxError"),
        ("import nowhere_to_be_found\n", "ModuleNotFoundError"),
        ("from re import nothing_of_the_kind\n", "ImportError"),
        ("raise SystemExit(1)\n", "SystemExit"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("def rule(event):\n\tif 1:\n        pass\n", "TabError"),
        ("x = '\0'\n", "SyntaxError"),
        ("from . import sibling\n", "ImportError"),
    ],
)
def test_a_module_that_cannot_be_run_is_refused_and_nothing_else_happens(text, kind):
    error = refused(namespace(), text + RULE)

    assert (error.function, error.kind) == ("import", kind)


def test_an_error_at_import_names_its_line():
    assert refused(namespace(), "\n\nx = 1 / 0\n").message == "division by zero: example.py:3 in <module>"


def test_a_missing_package_is_named():
    error = refused(namespace(), "from nowhere_to_be_found.deeper import Thing\n" + RULE)

    assert error.message == (
        "No module named 'nowhere_to_be_found'; there is no global helper 'nowhere_to_be_found', "
        "and no Python package of that name is installed: example.py:1 in <module>"
    )


def test_a_helper_of_nearly_that_name_is_suggested():
    error = refused(namespace(our_okta_helpers=""), "import our_okta_helper\n" + RULE)

    assert "did you mean 'our_okta_helpers'?" in error.message


def test_a_helper_is_imported_by_its_id_whatever_its_file_is_called():
    loaded = load(namespace(our_okta="NAME = 'okta'\n"), "from our_okta import NAME\n" + RULE)

    assert loaded.module.NAME == "okta"


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("import one", "one.A"),
        ("import one as other", "other.A"),
        ("from one import *", "A"),
        ("from one import A as B", "B"),
        ("import two", "two.one.A"),
    ],
)
def test_every_form_of_import_finds_helpers(statement, name):
    loaded = load(namespace(one="A = 1\n", two="import one\n"), f"{statement}\nfound = {name}\n{RULE}")

    assert loaded.module.found == 1


def test_a_helper_may_be_imported_while_a_row_is_evaluated():
    loaded = load(namespace(one="A = True\n"), "def rule(event):\n    from one import A\n    return A\n")

    assert loaded.matcher(Event({})) is True


def test_helpers_that_import_each_other_see_each_other_half_run_as_in_python():
    helpers = {
        "one": "import two\nA = 1\ndef of_two(): return two.B\n",
        "two": "import one\nB = hasattr(one, 'A')\n",
    }

    loaded = load(namespace(**helpers), "import one\nseen = one.of_two()\n" + RULE)

    assert loaded.module.seen is False


def test_a_helper_runs_once_for_all_rules_of_a_namespace():
    space = namespace(counting="calls = []\n")
    text = "import counting\ncounting.calls.append(1)\ncalls = counting.calls\n" + RULE

    first, second = load(space, text, "First"), load(space, text, "Second")
    other = load(namespace(counting="calls = []\n"), text)

    assert first.module.calls is second.module.calls
    assert len(first.module.calls) == 2
    assert len(other.module.calls) == 1


def test_a_helper_that_fails_is_named_and_tried_again_for_the_next_rule():
    space = namespace(broken="import re\nx = 1 / 0\n")

    errors = [refused(space, "import broken\n" + RULE) for _ in range(2)]

    assert {error.message for error in errors} == {
        "division by zero; while importing the global helper 'broken' from file_of_broken.py: example.py:1 in <module>"
    }


def test_a_helper_is_no_package():
    error = refused(namespace(one=""), "import one.two\n" + RULE)

    assert (error.kind, error.title) == (
        "ModuleNotFoundError",
        "ModuleNotFoundError(\"'one' is a global helper and no package: no 'one.two'\")",
    )


def test_a_teams_helper_takes_the_place_of_ours_and_of_an_installed_one():
    space = namespace(panther_base_helpers="deep_get = 'ours'\n", wave="open = 'ours'\n")

    loaded = load(space, "from panther_base_helpers import deep_get\nimport wave\n" + RULE)

    assert loaded.module.deep_get == "ours"
    assert loaded.module.wave.open == "ours"


def test_rules_find_the_classes_of_their_events_under_panthers_names():
    text = (
        "import panther_core\n"
        "import panther_core.immutable as inner\n"
        "from panther_core import PantherEvent, immutable\n"
        "from panther_core.enriched_event import PantherEvent as Enriched\n"
        "from panther_core.immutable import ImmutableList\n"
        "from panther_core.exceptions import PantherError\n"
    )

    module = load(namespace(), text + RULE).module

    assert module.PantherEvent is module.Enriched is module.panther_core.PantherEvent is Event
    assert module.ImmutableList is module.inner.ImmutableList is ImmutableList
    assert module.immutable.ImmutableCaseInsensitiveDict is ImmutableCaseInsensitiveDict


def test_what_our_modules_do_not_have_is_refused_by_panthers_names():
    error = refused(namespace(), "import panther_core.nothing\n" + RULE)

    assert error.title == "ModuleNotFoundError(\"No module named 'panther_core.nothing'\")"


def test_nothing_of_the_content_leaks_into_the_program():
    before = set(sys.modules), list(sys.path)

    load(namespace(leaky_helper="A = 1\n"), "import leaky_helper, panther_base_helpers\n" + RULE, "Leaky")

    added = {name for name in set(sys.modules) - before[0] if not name.startswith("runner.")}
    assert added == set()
    assert sys.path == before[1]


def test_a_module_is_seen_by_dataclasses_while_it_runs():
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass Pair:\n    a: int\n"

    loaded = load(namespace(shapes=text), text + "import shapes\nx = Pair(shapes.Pair(1))\n" + RULE)

    assert loaded.module.x.a.a == 1


def test_a_rule_named_like_a_module_does_not_take_its_place():
    loaded = load(namespace(), "import json\nfound = json.dumps([])\n" + RULE, "json")

    assert loaded.module.found == "[]"
    assert sys.modules["json"] is not loaded.module


def test_each_detection_has_a_module_of_its_own_named_by_its_id():
    space = namespace()

    first, second = load(space, "state = []\n" + RULE, "First"), load(space, "state = []\n" + RULE, "Second")

    assert first.module.state is not second.module.state
    assert (first.module.__name__, first.rule_id) == ("First", "First")


def test_a_rules_file_is_named_in_full_to_debuggers(tmp_path):
    loaded = Namespace({}, root=tmp_path).load(source(RULE), rule_id="Example.Rule", severity=Severity.LOW)

    assert loaded.filename == loaded.module.__file__ == str(tmp_path / "scheduled_rules/example.py")
    assert loaded.matcher.__code__.co_filename == loaded.filename


def test_what_a_rule_does_to_its_builtins_stays_in_its_namespace():
    load(namespace(), "__builtins__['len'] = None\n" + RULE)

    assert len([1]) == 1


def test_a_stray_backslash_in_a_rule_does_not_hurt():
    loaded = load(namespace(), "pattern = '\\d'\n" + RULE)

    assert loaded.module.pattern == "\\d"


def test_functions_are_found_once_and_in_order():
    loaded = load(namespace(), "def unique(event): return ''\ntitle = 5\n" + RULE)

    assert [entry.name for entry, _ in loaded.functions] == ["title", "unique"]


def test_a_module_of_the_extra_that_is_not_installed_names_the_extra():
    missing = (
        "import sys\nsys.modules['pycountry'] = None\ntry:\n    import pycountry\n"
        "finally:\n    del sys.modules['pycountry']\n"
    )

    error = refused(namespace(), missing + RULE)

    assert "pip install 'runner[content]'" in error.message


@pytest.mark.parametrize(
    "statement",
    [
        "from panther_detection_helpers.caching import increment_counter as count",
        "from panther_detection_helpers import caching\ncount = caching.increment_counter",
        "import panther_detection_helpers.caching as c\ncount = c.increment_counter",
        "import panther_detection_helpers.caching\ncount = panther_detection_helpers.caching.increment_counter",
        "from panther_oss_helpers import increment_counter as count",
        "from panther import increment_counter as count",
    ],
)
def test_the_caching_helpers_are_found_by_all_their_names_and_share_their_values(statement):
    space = namespace()
    counting = f"{statement}\nfound = count('k')\n"

    counts = [load(space, counting + RULE, f"Rule{number}").module.found for number in range(2)]

    assert counts == [1, 2]
    assert load(namespace(), counting + RULE).module.found == 1


def test_a_rule_can_tell_a_mock():
    text = (
        "from unittest.mock import MagicMock\nfrom panther_detection_helpers.mocking import is_mock\n"
        "found = [is_mock(MagicMock()), is_mock('x')]\n"
    )

    assert load(namespace(), text + RULE).module.found == [True, False]


def test_what_the_caching_package_does_not_have_is_refused():
    error = refused(namespace(), "import panther_detection_helpers.nothing\n" + RULE)

    assert error.title == "ModuleNotFoundError(\"No module named 'panther_detection_helpers.nothing'\")"
