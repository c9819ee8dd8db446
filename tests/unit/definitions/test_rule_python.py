import pytest

from runner.definitions.codes import Code

RULE = "def rule(event):\n    return True\n"


def python_notices(project, python):
    project.query()
    project.rule(python=python)
    return [(notice.code, notice.location.line) for notice in project.read().warnings]


@pytest.mark.parametrize(
    "python",
    [
        RULE,
        "rule = lambda event: True\n",
        "from panther_rules import rule\n",
        "from panther_rules import anything as rule\n",
        "from panther_rules import *\n",
        "if True:\n    def rule(event):\n        return True\n",
        "try:\n    import x\nexcept ImportError:\n    def rule(event):\n        return True\n",
        "class rule:\n    pass\n",
        "rule, other = None, None\n",
    ],
)
def test_rule_may_be_defined_in_any_way_that_loading_would_see(project, python):
    project.query()
    project.rule(python=python)

    assert project.read().errors == ()


@pytest.mark.parametrize(
    "python", ["", "def outer():\n    def rule(event):\n        return True\n", "x.rule = 1\n"]
)
def test_a_rule_that_loading_would_not_see_is_missing(project, python):
    project.query()
    project.rule(python=python)

    assert [error.code for error in project.read().errors] == [Code.NO_RULE_FUNCTION]


@pytest.mark.parametrize(
    "name",
    [
        "dedup_key",
        "dedupe",
        "de_dup",
        "alert_contexts",
        "alertContext",
        "get_title",
        "title_",
        "severities",
        "runbooks",
    ],
)
def test_a_function_nobody_calls_with_almost_the_name_of_one_is_noticed(project, name):
    python = f"{RULE}\ndef {name}(event):\n    return 'x'\n"

    assert python_notices(project, python) == [(Code.LOOKALIKE_FUNCTION, 4)]


@pytest.mark.parametrize(
    "python",
    [
        "def get_title(event):\n    return 'x'\n\ndef title(event):\n    return get_title(event)\n",  # called
        "def dedup_key(event):\n    return 'x'\n\nKEYS = {'a': dedup_key}\n",  # referred to
        "def get_title():\n    return 'x'\n",  # takes nothing
        "def get_title(event, word):\n    return 'x'\n",  # takes two
        "def is_admin(event):\n    return True\n",  # like none of them
        "class Title:\n    def get_title(self):\n        return 'x'\n",  # a method
    ],
)
def test_a_function_that_is_meant_otherwise_is_not_noticed(project, python):
    assert python_notices(project, RULE + "\n" + python) == []


@pytest.mark.parametrize("value", ["'x'", "f'{1}'", "None", "['x']", "{'a': 1}", "('x',)"])
def test_a_value_with_the_name_of_a_function_is_noticed(project, value):
    assert python_notices(project, f"{RULE}\ntitle = {value}\n") == [(Code.NOT_A_FUNCTION, 4)]


@pytest.mark.parametrize("value", ["lambda event: 'x'", "make_title('x')", "other_function"])
def test_a_value_that_may_be_called_is_not_noticed(project, value):
    assert python_notices(project, f"{RULE}\ntitle = {value}\n") == []


@pytest.mark.parametrize(
    ("python", "code"),
    [
        ("import requests", Code.NETWORK_USE),
        ("import urllib.request", Code.NETWORK_USE),
        ("from urllib import request", Code.NETWORK_USE),
        ("from http.client import HTTPSConnection", Code.NETWORK_USE),
        ("def f():\n    import boto3", Code.NETWORK_USE),
        ("from time import time as now", Code.CLOCK_USE),
        ("import time as t\nx = t.time()", Code.CLOCK_USE),
        ("import datetime\nx = datetime.datetime.now(datetime.timezone.utc)", Code.CLOCK_USE),
        ("from datetime import datetime as dt\nx = dt.utcnow()", Code.CLOCK_USE),
        ("from datetime import date\nx = date.today()", Code.CLOCK_USE),
        ("from random import choice", Code.RANDOM_USE),
        ("import uuid\nx = uuid.uuid4()", Code.RANDOM_USE),
        ("import os\nx = os.urandom(8)", Code.RANDOM_USE),
        ("from panther_detection_helpers.caching import get_counter", Code.CACHE_USE),
        ("import panther_detection_helpers.caching as c", Code.CACHE_USE),
        ("from panther_oss_helpers import get_string_set", Code.CACHE_USE),
        ("X = 1\ndef f():\n    global X\n    X = 2", Code.MODULE_STATE),
    ],
)
def test_what_can_give_the_same_row_another_answer_is_named(project, python, code):
    assert [found for found, _ in python_notices(project, python + "\n" + RULE)] == [code]


@pytest.mark.parametrize(
    "python",
    [
        "import urllib.parse",
        "from urllib.parse import urlparse",
        "import time\nx = time.strptime('1', '%d')",
        "from datetime import datetime, timedelta\nx = datetime.fromisoformat('2026-01-15')",
        "import uuid\nx = uuid.UUID(int=1)",
        "import os\nx = os.path.join('a')",
        "time = {'time': 1}\nx = time.time",
        "from . import requests",
        "X = 1\ndef f():\n    return X",
    ],
)
def test_what_gives_the_same_answer_each_time_is_not_named(project, python):
    assert python_notices(project, python + "\n" + RULE) == []


def test_columns_in_python_count_characters(project):
    project.query()
    project.rule(python=RULE + "import time\nx = 'äöü', time.time()\n")

    assert str(project.read().warnings[0].location) == "failed_logins.py:4:12"
