"""The documentation is complete, is not stale, leads nowhere wrong, and does what it says."""

from __future__ import annotations

import ast
import os
import re
import runpy
import subprocess
import sys
import tomllib
from difflib import unified_diff
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from runner import errors
from runner.cli.main import cli
from runner.daemon import fleet_metrics
from runner.definitions import (
    correlation_keys,
    data_model_keys,
    keys,
    lookup_table_keys,
    pack_keys,
    policy_keys,
    query_keys,
)
from runner.definitions.codes import Code
from runner.definitions.kind import Kind
from runner.destinations.kinds import KINDS, SHARED_OPTIONS
from runner.detections.functions import OPTIONAL_FUNCTIONS
from runner.lake.dialect.parsing import TIME_MACROS
from runner.metrics import Metrics
from runner.options import OPTIONS, RULE_OPTIONS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
GENERATE = runpy.run_path(str(DOCS / "generate.py"))
AT = "2026-01-15T00:00:00Z"


KEYS = (correlation_keys, data_model_keys, keys, lookup_table_keys, pack_keys, policy_keys, query_keys)


def page(name):
    return (DOCS / "reference" / f"{name}.md").read_text()


def missing(words, text):
    return [word for word in words if word not in text]


def commands_of(command, name):
    """Return every command below one, with its whole name."""
    found = {name: command}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found |= commands_of(command.get_command(context, child), f"{name} {child}")
    return found


def test_the_generated_parts_are_not_stale():
    changes = [
        line
        for file in PAGES
        for written in [file.read_text()]
        for line in unified_diff(
            written.splitlines(), GENERATE["rendered"](written).splitlines(), file.name, n=0, lineterm=""
        )
    ]

    assert changes == [], "run `make docs`"


def test_every_command_and_option_is_documented():
    text = page("commands")
    commands = commands_of(cli, "runner")

    options = {
        name
        for command in commands.values()
        for option in command.params
        if isinstance(option, click.Option)
        for name in option.opts
    }

    assert missing([f"## {name}\n" for name in commands], text) == []
    assert missing(sorted(options), text) == []


def test_every_setting_is_documented():
    names = [f"`{option.name}` | `{option.variable}`" for option in OPTIONS]

    assert missing([*names, *(f"`{name}`" for name in RULE_OPTIONS)], page("settings")) == []


def test_every_kind_and_option_of_a_destination_is_documented():
    options = [*SHARED_OPTIONS, *(option for kind in KINDS.values() for option in kind.options)]

    names = [*(f"### `{name}`" for name in KINDS), *(f"| `{option.name}` |" for option in options)]
    assert missing(names, page("destinations")) == []


def test_every_code_is_documented():
    assert missing([f"### {code} {code.title}\n" for code in Code], page("codes")) == []


def test_every_error_is_in_the_tree_below_its_parent():
    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.RunnerError)
    ]
    lines = {
        line.lstrip("│├└─ ").split()[0]: line for line in page("errors").splitlines() if line.strip("│├└─ ")
    }

    wrong = [one.__name__ for one in classes if depth_in(lines.get(one.__name__)) != len(one.mro()) - 4]

    assert wrong == []


def depth_in(line):
    """Return how deep in the tree a line stands; None if there is none."""
    return None if line is None else (len(line) - len(line.lstrip("│├└─ "))) // 4


def test_the_log_events_of_the_page_are_those_of_the_program_with_their_levels_and_fields():
    logged = [event for file in (ROOT / "runner").rglob("*.py") for event in events_of(file)]
    sections = dict(
        re.findall(r"^## (\S+)\n\n(.*?)(?=^## |\Z)", page("log-events"), re.DOTALL | re.MULTILINE)
    )

    levels = [
        (name, level) for name, level, _ in logged if f"`{level}`" not in sections[name].partition(".")[0]
    ]
    fields = [
        (name, field) for name, _, fields in logged for field in fields if f"`{field}`" not in sections[name]
    ]

    assert set(sections) == {name for name, _, _ in logged}
    assert (levels, fields) == ([], [])


def test_the_line_of_a_run_has_all_its_fields_on_the_page():
    fields = events_of_run()

    assert {"scheduled_for", "state", "lateness_seconds", "duration_seconds"} <= fields
    assert missing([f"`{field}`" for field in sorted(fields)], page("log-events")) == []


def events_of(file):
    """Return the events that a module logs, each with its name, level and fields."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id in {"_log", "log", "logger"}:
                fields = [keyword.arg for keyword in node.keywords if keyword.arg]
                yield ast.literal_eval(node.args[0]), node.func.attr, fields


def events_of_run():
    """Return the fields that the pipeline gives the line at the end of a run."""
    tree = ast.parse((ROOT / "runner" / "pipeline.py").read_text())
    (made,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "_fields"]
    return {
        key.value
        for node in ast.walk(made)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }


def test_every_metric_is_documented():
    text = page("metrics")
    own = [family.name for family in Metrics().registry.collect()]
    read = [*fleet_metrics.OWN, *fleet_metrics.FLEET, *fleet_metrics.PER_QUERY, fleet_metrics.DEATHS[0]]

    assert len(own) > 15
    assert missing([f"`{name}" for name in (*own, *read)], text) == []


def test_every_key_and_kind_of_a_definition_is_documented():
    models = [
        value
        for module in KEYS
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseModel)
    ]
    names = {field.alias for model in models for field in model.model_fields.values() if field.alias}

    assert missing([f"`{name}`" for name in sorted(names)], page("definitions")) == []
    assert missing([f"`{kind.value}`" for kind in Kind], page("definitions")) == []


def test_every_rule_function_is_documented_in_the_order_of_the_calls():
    text = page("rule-functions")

    places = [text.find(f"`{function.name}`") for function in OPTIONAL_FUNCTIONS]

    assert -1 not in places


def test_every_difference_from_panther_is_held_by_a_test_that_is_there():
    text = (DOCS / "explanation" / "differences-from-panther.md").read_text()
    tests = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", file.read_text())
    }
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| |")]
    rows = [row for row in rows if "---" not in row]

    assert set(re.findall(r"`(test_\w+)`", text)) - tests == set()
    assert [row for row in rows if "`test_" not in row] == []


def test_every_time_macro_is_documented():
    assert missing([f"`{name}(" for name in sorted(TIME_MACROS)], page("sql")) == []


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(file):
    broken = [
        link
        for link in re.findall(r"\]\(([^)\s]+)\)", file.read_text())
        if "://" not in link and not leads_somewhere(file, link)
    ]

    assert broken == []


def leads_somewhere(file, link):
    path, _, heading = link.partition("#")
    target = (file.parent / path).resolve() if path else file
    if not heading:
        return target.exists()
    headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
    return heading in [re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings]


def test_the_index_leads_to_every_page():
    index = (DOCS / "README.md").read_text()
    pages = {str(file.relative_to(DOCS)) for file in DOCS.rglob("*.md")} - {"README.md"}

    assert missing(sorted(pages), index) == []
    assert "docs/README.md" in (ROOT / "README.md").read_text()


def test_every_dependency_has_an_exact_version_in_the_constraints():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [item for items in project.get("optional-dependencies", {}).values() for item in items]
    wanted = {plain(re.split(r"[\[<>=~! ;]", item)[0]) for item in (*project["dependencies"], *extras)}
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]

    pinned = {plain(line.partition("==")[0]) for line in lines if "==" in line}

    assert len(pinned) == len(lines)
    assert wanted - pinned == set()


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_each_command_of_the_readme_needs_nothing_but_python():
    start = "python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt -e "

    commands = [GENERATE["readme_command"](number) for number in (1, 2)]

    assert [command.startswith(start) for command in commands] == [True, True]
    assert f"runner once --all --at {AT}" in commands[0]


def console_of(text):
    """Return the commands that a page types, each with the lines that it says are printed."""
    blocks = re.findall(r"^ *```console\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    commands = [
        part for block in blocks for part in re.split(r"^ *\$ ", block, flags=re.MULTILINE) if part.strip()
    ]
    return [(lines[0], [squeezed(line) for line in lines[1:]]) for lines in map(str.splitlines, commands)]


def squeezed(line):
    return " ".join(line.split())


def not_printed(shown, printed):
    printed = [squeezed(line) for line in printed.splitlines()]
    return [line for line in shown if line not in {"…", ""} and line not in printed]


def typed(command, folder):
    """Run a command as it is typed, with the program on the path."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_command_of_the_readme_prints_what_the_readme_shows(tmp_path):
    command, shown = console_of((ROOT / "README.md").read_text())[0]
    run = command.split("&&")[-1].strip().removeprefix(".venv/bin/")

    printed = typed(f"{run} --state {tmp_path}/state.db", ROOT)

    assert not_printed(shown, printed) == []


def test_the_example_of_the_readme_finds_the_root_login(tmp_path):
    text = (ROOT / "README.md").read_text()
    query, rule = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (python,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    for name, content in (("root_logins.yml", query), ("root_login.yml", rule), ("root_login.py", python)):
        (tmp_path / name).write_text(content)

    printed = typed(f"runner once --all --at {AT} --lake {ROOT}/datalake", tmp_path)

    assert "Root logged in to 111122223333 from " in printed
    assert "1 alert at" in printed
    assert len((query + rule + python).splitlines()) <= 20


@pytest.mark.slow
def test_the_tutorial_does_what_it_says(tmp_path):
    text = (DOCS / "tutorial" / "first-rule.md").read_text()
    before, after = text.split("## A rule of your own")
    files = dict(
        re.findall(r"`(scheduled_rules/\S+)`:\n\n```\w+\n(.*?)^```", after, re.DOTALL | re.MULTILINE)
    )
    wrong = []

    for command, shown in console_of(before):
        wrong += not_printed(shown, typed(command, tmp_path if "init" in command else tmp_path / "trial"))
    for name, content in files.items():
        (tmp_path / "trial" / name).write_text(content)
    printed = [typed(command, tmp_path / "trial") for command, _ in console_of(after)]

    assert wrong == []
    assert len(files) == 2
    assert "sam@example.com logged in from a bad address" in printed[-1]
