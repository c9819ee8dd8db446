"""`runner test` and `runner debug` on a small body of content in which every feature of Panther's format occurs."""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

CONTENT = Path(__file__).parent.parent / "data/content"
PASSED = {
    "Bucket.Private": 2,
    "Door.OfTheDay": 2,
    "Door.OpenedAtNight": 4,
    "Door.RefusedOften": 3,
    "Door.Signal": 1,
    "Door.Vault": 2,
}


@pytest.fixture
def content(tmp_path):
    return Path(shutil.copytree(CONTENT, tmp_path / "content"))


def break_rule(content, name="door_signal"):
    """Make the rule fail its test."""
    (content / f"rules/{name}.py").write_text("def rule(event):\n    return not event\n")


def test_every_kind_of_detection_passes_its_tests(content, cli):
    ended = cli("test", "--format", "json", cwd=content)

    found = {one["id"]: [test["passed"] for test in one["tests"]] for one in ended.document["detections"]}
    assert ended.code == 0, ended.err
    assert found == {name: [True] * number for name, number in PASSED.items()}
    assert ended.document["skipped"] == ["Door.RefusedThenOpened (correlation rule)"]
    assert ended.document["coverage"] == {"both": 5, "alerting": 1}


def test_conditions_that_fail_tests_are_named_and_count_if_that_is_asked_for(content, here):
    simple = content / "rules/door_refused_often.yml"
    simple.write_text(simple.read_text().replace("count: 4}", "count: 2}"))
    day = content / "rules/door_signal.yml"
    day.write_text(day.read_text() + "InlineFilters: [{KeyPath: nothing, Condition: Equals, Value: there}]\n")

    without, judged = (
        here("test", *flags, "--format", "json", cwd=content) for flags in ([], ["--conditions"])
    )

    assert (without.code, judged.code) == (0, 1)
    assert without.document["passed_over"] == [
        "Door.RefusedOften (its conditions fail tests)",
        "Door.Signal (its inline filters fail tests)",
    ]
    failed = [one["id"] for one in judged.document["detections"] if not one["passed"]]
    assert (failed, judged.document["passed_over"]) == (["Door.RefusedOften", "Door.Signal"], [])


def test_all_verdicts_are_the_same_in_several_processes(content, cli):
    for number in range(50):
        for ending in ("yml", "py"):
            text = (content / f"rules/door_signal.{ending}").read_text()
            copied = text.replace("Door.Signal", f"Copy{number:02}").replace("door_signal", f"copy{number}")
            (content / f"rules/copy{number}.{ending}").write_text(copied)
    break_rule(content, "copy7")

    one, two = (cli("test", "--workers", workers, "--format", "json", cwd=content) for workers in "12")

    assert (one.code, two.code) == (1, 1)
    assert [(found["id"], found["passed"]) for found in one.document["detections"]] == [
        (found["id"], found["passed"]) for found in two.document["detections"]
    ]


def test_a_failing_test_shows_function_value_and_line(content, here):
    break_rule(content)

    ended = here("test", "--rule", "Door.Signal", cwd=content)

    assert ended.code == 1
    assert "rule: returned false, expected true: door_signal.py:2 in rule" in ended.out
    assert "rules/door_signal.yml:9:5" in ended.out
    assert "To mend (1): Door.Signal" in ended.out


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (["--filter", "AnalysisType=policy,scheduled_rule"], ["Bucket.Private", "Door.OfTheDay"]),
        (["--filter", "Severity!=info,LOW"], ["Bucket.Private", "Door.OpenedAtNight", "Door.Vault"]),
        (["--filter", "Tags=door", "--filter", "BaseDetection!="], ["Door.Vault"]),
        (["--filter", "CreateAlert=false"], ["Door.Signal"]),
        (["--filter", "LogTypes=nothing"], []),
        (["--filter", "GlobalID=accounts"], []),
        (["--rule", "Door.Vault"], ["Door.Vault"]),
        (["policies"], ["Bucket.Private"]),
        (["--path", "rules/door_of_the_vault.yml"], ["Door.Vault"]),
    ],
)
def test_detections_are_chosen_by_path_id_and_filter(content, here, arguments, ids):
    ended = here("test", "--format", "json", *arguments, cwd=content)

    assert [one["id"] for one in ended.document["detections"]] == ids
    assert ended.code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--filter", "Severty=Low"], "did you mean 'Severity'?"),
        (["--filter", "Severity"], "KEY=VALUE"),
        (["--filter", "A=B=C"], "KEY=VALUE"),
        (["--rule", "Door.Signl"], "did you mean 'Door.Signal'?"),
        (["--path", "rules", "policies"], "not both"),
        (["--path", "nowhere"], "does not exist"),
    ],
)
def test_a_wrong_choice_is_refused_with_a_hint(content, here, arguments, said):
    ended = here("test", *arguments, cwd=content)

    assert ended.code == 2
    assert said in ended.err


def test_a_file_that_is_seen_first_by_a_link_to_it_is_chosen_by_its_own_name(content, here):
    (content / "rules/a_link.yml").symlink_to("door_signal.yml")

    document = here("test", "--format", "json", "rules/door_signal.yml", cwd=content).document

    assert [one["id"] for one in document["detections"]] == ["Door.Signal"]


def test_a_path_of_a_data_model_that_is_none_fails_whoever_follows_it(content, here):
    model = next(content.glob("data_models/*.yml"))
    model.write_text(model.read_text() + "  - {Name: broken, Path: 'a['}\n")
    (content / "rules/door_signal.py").write_text("def rule(event):\n    return event.udm('broken')\n")
    rule = content / "rules/door_signal.yml"
    rule.write_text(rule.read_text().replace("action: open", "p_log_type: Custom.Door"))

    ended = here("test", cwd=content)

    assert ended.code == 1
    assert "'a[' cannot be followed: not JSONPath: it ends where something has to follow" in ended.out
    assert "To mend (1): Door.Signal" in ended.out


def test_tests_are_chosen_by_name(content, here):
    document = here("test", "--test-names", "Refused,Few", "--format", "json", cwd=content).document

    assert sorted(test["name"] for one in document["detections"] for test in one["tests"]) == [
        "Few",
        "Refused",
    ]


@pytest.mark.parametrize(
    ("minimum", "failing"),
    [
        ("1", []),
        ("2", ["Door.Signal"]),
        ("3", ["Bucket.Private", "Door.OfTheDay", "Door.Signal", "Door.Vault"]),
    ],
)
def test_a_detection_with_too_few_tests_fails(content, here, minimum, failing):
    ended = here("test", "--minimum-tests", minimum, "--format", "json", cwd=content)

    assert [one["id"] for one in ended.document["detections"] if not one["passed"]] == failing
    assert ended.code == int(bool(failing))


def test_disabled_detections_may_be_left_out(content, here):
    break_rule(content)
    file = content / "rules/door_signal.yml"
    file.write_text(file.read_text().replace("Enabled: true", "Enabled: false"))

    codes = [here("test", *flag, cwd=content).code for flag in ([], ["--skip-disabled-tests"])]

    assert codes == [1, 0]


def test_a_destination_that_is_not_available_fails_the_test_that_names_none(content, here):
    file = content / "rules/door_opened_at_night.yml"
    file.write_text(file.read_text().replace("    ExpectedDestinations: [guards]\n", ""))

    codes = [
        here("test", "--rule", "Door.OpenedAtNight", *names, cwd=content).code
        for names in ([], ["--available-destination", "guards"], ["--available-destination", "Guards"])
    ]

    assert codes == [0, 0, 1]


def test_a_detection_without_tests_and_one_that_cannot_be_loaded_are_named(content, here):
    file = content / "rules/door_signal.yml"
    file.write_text(file.read_text().partition("Tests:")[0])
    (content / "rules/doors_of_the_day.py").write_text(
        "import no_such_helpers\ndef rule(event): return True\n"
    )
    (content / "rules/door_of_the_vault.yml").write_text("AnalysisType: rule\n")

    ended = here("test", cwd=content)

    assert ended.code == 1
    assert "Without tests (1): Door.Signal" in ended.out
    assert "there is no global helper 'no_such_helpers'" in ended.out
    assert "rules/door_of_the_vault.yml" in ended.err


def test_a_rule_that_ends_its_process_or_hangs_fails_alone(content, cli):
    (content / "runner.toml").write_text("[limits]\nevaluation_seconds = 1\n")
    (content / "rules/door_signal.py").write_text("import os\ndef rule(event):\n    os._exit(0)\n")
    (content / "rules/doors_of_the_day.py").write_text("def rule(event):\n    while True:\n        pass\n")

    ended = cli("test", "--format", "json", cwd=content)

    failed = {one["id"]: one for one in ended.document["detections"] if not one["passed"]}
    assert sorted(failed) == ["Door.OfTheDay", "Door.Signal"]
    assert failed["Door.Signal"]["faults"] == ["it ended the process it ran in, or hung"]
    assert "it took longer than 1 seconds" in failed["Door.OfTheDay"]["tests"][0]["failures"][0]


def test_junit_has_a_suite_for_each_detection_and_a_case_for_each_test(content, here):
    break_rule(content)

    root = ET.fromstring(here("test", "--format", "junit", cwd=content).out)  # noqa: S314  our own output

    suites = {suite.get("name"): suite for suite in root}
    (failed,) = root.iter("failure")
    assert {name: len(suite) for name, suite in suites.items()} == PASSED
    assert suites["Door.Signal"].get("failures") == "1"
    assert "returned false" in failed.get("message")
    assert {case.get("file") for case in suites["Bucket.Private"]} == {"policies/bucket_is_private.yml"}


def test_github_is_told_the_file_and_line_of_a_failing_test(content, here):
    break_rule(content)

    ended = here("test", "--format", "github", cwd=content)

    assert ended.out.splitlines() == [
        (
            "::error file=rules/door_signal.yml,line=9,title=Door.Signal%3A Any event::"
            "rule: returned false, expected true: door_signal.py:2 in rule"
        ),
        "6 detections, 1 failed.",
    ]


def test_debug_shows_prints_and_lets_the_debugger_in(content):
    (content / "rules/door_signal.py").write_text(
        "def rule(event):\n    breakpoint()\n    print('printed')\n    return True\n"
    )

    done = subprocess.run(
        [sys.executable, "-m", "runner", "debug", "Door.Signal", "Any event"],
        cwd=content,
        input="p event\ncontinue\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "PantherEvent({'action': 'open'})" in done.stdout
    assert "\nprinted\n" in done.stdout.replace("(Pdb) ", "\n")
    assert "[PASS] Any event" in done.stdout


def test_debug_lists_the_tests_and_refuses_what_is_not_there(content, here):
    listed = here("debug", "Door.OfTheDay", cwd=content)
    wrong_test = here("debug", "Door.OfTheDay", "Fw", cwd=content)
    wrong_rule = here("debug", "Door.OfTheDy", "Few", cwd=content)

    assert (listed.code, listed.out) == (0, "Many\nFew\n")
    assert (wrong_test.code, wrong_rule.code) == (2, 2)
    assert "did you mean 'Few'?" in wrong_test.err


class Watching:
    """`runner test --watch` as a process; its lines are read by a thread, so that waiting for one can end."""

    def __init__(self, folder):
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "runner", "test", "--watch"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line)

    def until(self, text):
        """Return the lines up to one that has a text."""
        lines = []
        while not lines or text not in lines[-1]:
            lines.append(self._lines.get(timeout=60))
        return "".join(lines)

    def end(self):
        """Press Ctrl-C; returns the exit code."""
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(30)
        self._reader.join(30)
        self._process.stdout.close()
        return code


def test_watch_tests_again_what_a_saved_file_touches(content):
    watching = Watching(content)
    try:
        first = watching.until("Watching for changes")
        (content / "global_helpers/shape_helpers.py").write_text("def is_name(text):\n    return False\n")
        of_helper = watching.until("Coverage")
        break_rule(content)
        of_rule = watching.until("Coverage")
    finally:
        code = watching.end()

    assert "6 detections, 14 tests: 14 passed, 0 failed." in first
    assert "Door.OpenedAtNight\n" in of_helper
    assert "Bucket.Private\n" not in of_helper
    assert "1 detection, 1 test: 0 passed, 1 failed." in of_rule
    assert code == 130


def test_the_content_is_sound(content, here):
    document = json.loads(here("check", "--no-lake", "--format", "json", cwd=content).out)

    assert document["errors"] == []
