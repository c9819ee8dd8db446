"""A bad rule hurts only itself: whatever its Python does, the others on the same query still alert."""

import json

import pytest

ONE_ROW = "SELECT * FROM panther_logs.public.logins WHERE n = 0"
EVERY_ROW = "def rule(event):\n    return True\n"
ROWS = 3


def swallowing(clause):
    return f"""
def rule(event):
    while True:
        try:
            while True:
                pass
        {clause}
            pass
"""


DEAF = """
import signal

signal.signal(signal.SIGUSR1, signal.SIG_IGN)

def rule(event):
    while True:
        pass
"""
RULES = {  # the rule; the kind of its error, and the function
    "does not parse": ("def rule(event:\n", "SyntaxError", "import"),
    "lacks rule": ("def rules(event):\n    return True\n", "AttributeError", "rule"),
    "raises on import": ("1 / 0", "ZeroDivisionError", "import"),
    "imports what is not there": ("import no_such_module\n", "ModuleNotFoundError", "import"),
    "returns 1": ("def rule(event):\n    return 1\n", "FunctionReturnTypeError", "rule"),
    "returns None": ("def rule(event):\n    pass\n", "FunctionReturnTypeError", "rule"),
    "raises": ("def rule(event):\n    return event['nothing']\n", "KeyError", "rule"),
    "exits": ("import sys\ndef rule(event):\n    sys.exit(3)\n", "SystemExit", "rule"),
    "exits at import": ("raise SystemExit", "SystemExit", "import"),
    "interrupts": ("def rule(event):\n    raise KeyboardInterrupt\n", "KeyboardInterrupt", "rule"),
    "claims to be out of memory": ("def rule(event):\n    raise MemoryError\n", "MemoryError", "rule"),
    "calls itself": ("def rule(event):\n    return rule(event)\n", "RecursionError", "rule"),
    "loops": ("def rule(event):\n    while True:\n        pass\n", "EvaluationTimeout", "rule"),
    "loops and swallows Exception": (swallowing("except Exception:"), "EvaluationTimeout", "rule"),
    "loops and swallows everything": (swallowing("except:"), "EvaluationTimeout", "rule"),
    "loops at import": ("while True:\n    pass\n", "EvaluationTimeout", "import"),
    "sleeps": ("import time\ndef rule(event):\n    time.sleep(60)\n", "EvaluationTimeout", "rule"),
    "matches a catastrophic expression": (
        "import re\ndef rule(event):\n    return bool(re.match('(a+)+$', 'a' * 40 + 'b'))\n",
        "EvaluationTimeout",
        "rule",
    ),
    "is busy where no signal is heard": (
        "import itertools\ndef rule(event):\n    return sum(itertools.repeat(0)) == 1\n",
        "EvaluationTimeout",
        "rule",
    ),
    "ignores the signal": (DEAF, "EvaluationTimeout", "rule"),
    "loops in title": (
        "def rule(event):\n    return True\ndef title(event):\n    while True:\n        pass\n",
        "EvaluationTimeout",
        "title",
    ),
    "asks for too much memory": (
        "def rule(event):\n    return bool('x' * 10**13)\n",
        "MemoryError",
        "rule",
    ),
    "eats all memory": (
        "HOARD = []\ndef rule(event):\n    while True:\n        HOARD.append(bytearray(10_000_000))\n",
        "MemoryError",
        "rule",
    ),
    "eats all memory in small pieces": (
        "HOARD = []\ndef rule(event):\n    while True:\n        HOARD.append([None] * 100_000)\n",
        "MemoryError",
        "rule",
    ),
    "ends its process": ("import os\ndef rule(event):\n    os._exit(0)\n", "WorkerDied", "rule"),
    "ends its process at import": ("import os\nos._exit(1)\n", "WorkerDied", "rule"),
    "kills its process": (
        "import os, signal\ndef rule(event):\n    os.kill(os.getpid(), signal.SIGKILL)\n",
        "WorkerDied",
        "rule",
    ),
    "closes the files of its process": (
        "import os\ndef rule(event):\n    os.closerange(3, 200)\n    return True\n",
        "WorkerDied",
        "rule",
    ),
    "crashes": ("import ctypes\ndef rule(event):\n    ctypes.string_at(0)\n", "WorkerDied", "rule"),
}


@pytest.mark.parametrize(("text", "kind", "function"), RULES.values(), ids=RULES)
def test_a_rule_that(done, text, kind, function):
    patience = 10 if "memory" in kind.lower() else 0.2

    outcome, matches = done(text, EVERY_ROW, sql=ONE_ROW, memory=2**29, evaluation_seconds=patience)
    next_outcome, _ = done(EVERY_ROW)

    errors = [match for match in matches if match.rule_id == "R0"]
    assert [(match.kind, match.dedup) for match in errors] == [("error", kind)]
    assert [(error.rule_id, error.kind, error.function) for error in outcome.rule_errors] == [
        ("R0", kind, function)
    ]
    assert [match.kind for match in matches if match.rule_id == "R1"] == ["match"]
    assert next_outcome.matches == ROWS


NOISE = {
    "prints megabytes": "print('x' * 5_000_000)",
    "writes to standard error": "import sys; print('x' * 5_000_000, file=sys.stderr)",
    "reads from the terminal": "import sys; sys.stdin.read()",
    "closes standard output": "import os; os.close(1) if event['n'] == 0 else None",
    "leaves for another folder": "import os; os.chdir('/')",
    "changes the environment": "import os; os.environ.clear()",
    "warns": "import warnings; warnings.warn('careful')",
    "goes on twice": "import os; os.fork()",
    "takes the alarm signal for itself": "import signal; signal.alarm(0)",
}


@pytest.mark.parametrize("line", NOISE.values(), ids=NOISE)
def test_a_rule_may_do_this_and_go_on(done, capfd, line):
    outcome, matches = done(f"def rule(event):\n    {line}\n    return True\n", EVERY_ROW)
    next_outcome, _ = done(EVERY_ROW)

    assert outcome.rule_errors == ()
    assert len(matches) == 2 * ROWS
    assert next_outcome.matches == ROWS
    assert capfd.readouterr() == ("", "")


def test_two_rules_that_end_the_worker_are_both_blamed_and_the_third_alerts(done):
    kills = "import os\ndef rule(event):\n    os._exit(3)\n"

    outcome, matches = done(kills, EVERY_ROW, kills)

    assert [error.rule_id for error in outcome.rule_errors] == ["R0", "R2"]
    assert [match.rule_id for match in matches if match.kind == "match"] == ["R1"] * ROWS
    assert outcome.errors == 2
    assert outcome.broken_rules == ("R0", "R2")


def test_the_error_of_a_rule_that_ended_its_worker_says_how(done):
    kills = "import os, signal\ndef rule(event):\n    os.kill(os.getpid(), signal.SIGKILL)\n"

    _, matches = done(kills)

    assert json.loads(matches[0].details) == {
        "title": "WorkerDied('its process was ended by SIGKILL')",
        "severity": "HIGH",
        "dedup_from": "error",
        "context": {"function": "rule", "message": "its process was ended by SIGKILL: r0.py"},
    }


def test_a_slow_row_costs_the_rule_that_row_only(done):
    text = "import time\ndef rule(event):\n    time.sleep(9 if event['n'] == 1 else 0)\n    return True\n"

    outcome, matches = done(text)

    assert [error.kind for error in outcome.rule_errors] == ["EvaluationTimeout"]
    assert outcome.matches == ROWS - 1
    assert [match.occurrences for match in matches if match.kind == "error"] == [1]


def test_a_global_helper_that_hangs_is_an_error_of_the_rules_that_import_it(done):
    text = "import shared\ndef rule(event):\n    return True\n"

    outcome, _ = done(text, EVERY_ROW, helpers={"shared": "while True:\n    pass\n"})

    assert [(error.rule_id, error.kind) for error in outcome.rule_errors] == [("R0", "EvaluationTimeout")]
    assert outcome.matches == ROWS


def test_no_state_of_a_rule_is_left_for_the_next_run(done):
    text = "SEEN = []\ndef rule(event):\n    SEEN.append(1)\n    return len(SEEN) == 1\n"

    counts = [done(text)[0].matches for _ in range(2)]

    assert counts == [1, 1]


def test_what_a_rule_does_to_the_environment_and_the_folder_is_undone_for_the_next_job(done):
    """Found by chance: the order of tests let one job see what the rule of another had left."""
    look = (
        "import os\n"
        "def rule(event):\n    return event['n'] == 0\n"
        "def title(event):\n    return os.getcwd() + ' ' + ' '.join(sorted(os.environ))\n"
    )
    (before, *_) = done(look)[1]

    done(
        "import os\nos.environ.clear()\nos.environ['LEFT'] = '1'\nos.chdir('/')\ndef rule(event):\n    return False\n"
    )
    (after, *_) = done(look)[1]

    assert json.loads(after.details)["title"] == json.loads(before.details)["title"]


def test_a_rule_may_print_after_one_of_the_last_job_has_closed_standard_output(done):
    done("import os\ndef rule(event):\n    os.close(1) if event['n'] == 0 else None\n    return False\n")

    outcome, _ = done("def rule(event):\n    print('x' * 5_000_000)\n    return True\n")

    assert outcome.rule_errors == ()


def test_rules_see_little_of_the_environment(done, spool, job):
    text = (
        "import os\n"
        "def rule(event):\n    return event['n'] == 0\n"
        "def title(event):\n    return ' '.join(sorted(os.environ))\n"
    )

    _, matches = done(text)

    names = set(json.loads(matches[0].details)["title"].split())
    kept = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "TZ"}
    assert names <= kept
    assert "TZ" in names
