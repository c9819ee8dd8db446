from pathlib import Path

import pytest

from runner import settings
from runner.errors import SettingsError
from runner.options import OPTIONS, Address
from runner.settings import RuleOverride

GIVEN = {  # for every option: two valid ways to write it, and what they mean
    "definitions.exclude": ("old,drafts", "tests", ("old", "drafts"), ("tests",)),
    "definitions.folders": ("*/detections,*", "*/rules", ("*/detections", "*"), ("*/rules",)),
    "late_data.reopen_hours": ("48", "0", 48.0, 0.0),
    "late_data.wait_minutes": ("5", "30", 5, 30),
    "definitions.destinations": ("pagers,mail", "chat", ("pagers", "mail"), ("chat",)),
    "lake.location": ("lake", "other", "lake", "other"),
    "storage.endpoint": (
        "http://localhost:8333",
        "https://s3.example.com",
        "http://localhost:8333",
        "https://s3.example.com",
    ),
    "storage.region": ("eu-central-1", "us-east-1", "eu-central-1", "us-east-1"),
    "storage.access_key": ("reader", "writer", "reader", "writer"),
    "storage.secret_key": ("first secret", "other secret", "first secret", "other secret"),
    "storage.session_token": ("first token", "other token", "first token", "other token"),
    "ingest.schemas": ("log_types", "shapes", "log_types", "shapes"),
    "lake.query_dialect": ("trino", "duckdb", "trino", "duckdb"),
    "lake.engine": ("duckdb", "duckdb", "duckdb", "duckdb"),
    "state.url": ("state.db", "postgresql://db/runner", "state.db", "postgresql://db/runner"),
    "state.events_per_alert": ("3", "4", 3, 4),
    "state.files_per_run": ("0", "4", 0, 4),
    "workers.count": ("1", "2", 1, 2),
    "workers.memory": ("1GiB", "500MB", 2**30, 500 * 10**6),
    "workers.spill": ("spill", "/var/spill", "spill", "/var/spill"),
    "limits.evaluation_seconds": ("0.5", "2", 0.5, 2.0),
    "limits.rows": ("10", "20", 10, 20),
    "limits.alerts_per_run": ("5", "6", 5, 6),
    "reports.destination": ("desk", "post", "desk", "post"),
    "reports.rows": ("10", "20", 10, 20),
    "reports.size": ("1MiB", "500kB", 2**20, 500_000),
    "limits.matches": ("30", "40", 30, 40),
    "schedule.settle_seconds": ("0", "60", 0.0, 60.0),
    "schedule.skew_seconds": ("5", "0", 5.0, 0.0),
    "schedule.catch_up": ("latest", "none", "latest", "none"),
    "schedule.catch_up_limit": ("5", "6", 5, 6),
    "schedule.overlap": ("skip", "wait", "skip", "wait"),
    "schedule.priority": ("-5", "6", -5, 6),
    "log.level": ("debug", "error", "debug", "error"),
    "log.format": ("json", "text", "json", "text"),
    "heartbeat.url": ("https://hc.example/a", "off", "https://hc.example/a", None),
    "heartbeat.seconds": ("5", "0.5", 5.0, 0.5),
    "http.listen": (
        "127.0.0.1:9464",
        "[::1]:0",
        Address(host="127.0.0.1", port=9464),
        Address(host="::1", port=0),
    ),
    "metrics.query_series": ("5", "6", 5, 6),
    "health.overdue_seconds": ("60", "90.5", 60.0, 90.5),
    "health.undelivered_seconds": ("60", "90.5", 60.0, 90.5),
    "retention.runs_days": ("0", "30", 0, 30),
    "retention.matches_days": ("0", "30", 0, 30),
    "retention.alerts_days": ("0", "30", 0, 30),
    "freshness.stale_after_minutes": ("0", "60", 0, 60),
    "failures.give_up_after": ("2", "6", 2, 6),
    "failures.pause_after": ("0", "3", 0, 3),
    "failures.probe_minutes": ("30", "90", 30, 90),
    "delivery.retry_seconds": ("1", "2", 1.0, 2.0),
    "delivery.give_up_hours": ("1", "2", 1.0, 2.0),
    "delivery.page_max_age_hours": ("1", "2", 1.0, 2.0),
    "delivery.alerts_per_hour": ("1", "2", 1, 2),
    "delivery.link": ("https://a/{alert_id}", "https://b/", "https://a/{alert_id}", "https://b/"),
    "daemon.reload_seconds": ("1", "2", 1.0, 2.0),
    "daemon.drain_seconds": ("1", "2", 1.0, 2.0),
    "daemon.lease_seconds": ("1", "2", 1.0, 2.0),
}
every_option = pytest.mark.parametrize("name", [option.name for option in OPTIONS])


def variable(name: str) -> str:
    return "RUNNER_" + name.replace(".", "_").upper()


def write(root: Path, text: str) -> None:
    (root / "runner.toml").write_text(text, encoding="utf-8")


def write_option(root: Path, name: str, value: str) -> None:
    section, key = name.split(".")
    write(root, f'[{section}]\n{key} = "{value}"\n')


def faults_of(root: Path, environment: dict[str, str] | None = None, **flags: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings.load(root, environment or {}, {name.replace("__", "."): v for name, v in flags.items()})
    return str(caught.value).split("\n")


def test_without_a_file_every_option_has_its_default(tmp_path):
    loaded = settings.load(tmp_path, {})

    assert dict(loaded.values) == {option.name: option.default for option in OPTIONS}
    assert loaded.root == tmp_path.resolve()


@every_option
def test_the_file_sets_every_option(tmp_path, name):
    written, _, expected, _ = GIVEN[name]
    write_option(tmp_path, name, written)

    assert settings.load(tmp_path, {})[name] == expected


@every_option
def test_a_variable_goes_over_the_file(tmp_path, name):
    in_file, in_variable, _, expected = GIVEN[name]
    write_option(tmp_path, name, in_file)

    loaded = settings.load(tmp_path, {variable(name): in_variable})

    assert loaded[name] == expected


@every_option
def test_a_flag_goes_over_the_variable(tmp_path, name):
    in_variable, flag, _, expected = GIVEN[name]

    loaded = settings.load(tmp_path, {variable(name): in_variable}, {name: flag})

    assert loaded[name] == expected


@every_option
def test_a_flag_that_was_not_given_sets_nothing(tmp_path, name):
    in_variable, _, expected, _ = GIVEN[name]

    loaded = settings.load(tmp_path, {variable(name): in_variable}, {name: None})

    assert loaded[name] == expected


@every_option
def test_every_option_says_what_it_is_for(name):
    option = next(option for option in OPTIONS if option.name == name)

    assert option.help.endswith(".")
    assert option.variable == variable(name)


@pytest.mark.parametrize(
    ("name", "value", "expectation"),
    [
        ("lake.location", '""', "expected some text, found ''"),
        (
            "definitions.exclude",
            "[1]",
            "expected a list of texts (in a variable: separated by commas), found [1]",
        ),
        ("state.events_per_alert", "0", "expected a whole number of 1 or more, found 0"),
        ("state.events_per_alert", "1.5", "expected a whole number of 1 or more, found 1.5"),
        ("workers.count", "true", "expected a whole number of 1 or more, found True"),
        ("workers.memory", '"4 Gi"', "expected a size such as '2GiB' or '500MB', found '4 Gi'"),
        ("workers.memory", "4000000000", "expected a size such as '2GiB' or '500MB', found 4000000000"),
        ("workers.memory", '"1MB"', "expected at least 256MiB, found '1MB'"),
        ("limits.evaluation_seconds", "0", "expected a number of seconds above 0, found 0"),
        ("limits.evaluation_seconds", "nan", "expected a number of seconds above 0, found nan"),
        ("limits.evaluation_seconds", "inf", "expected a number of seconds above 0, found inf"),
        ("limits.evaluation_seconds", "true", "expected a number of seconds above 0, found True"),
        ("limits.evaluation_seconds", '"soon"', "expected a number of seconds, found 'soon'"),
    ],
)
def test_a_wrong_value_is_named_with_its_place_and_what_was_expected(tmp_path, name, value, expectation):
    section, key = name.split(".")
    write(tmp_path, f"[{section}]\n{key} = {value}\n")

    assert faults_of(tmp_path) == [f"runner.toml: {name}: {expectation}"]


def test_all_faults_are_named_at_once(tmp_path):
    write(tmp_path, '[workers]\ncont = 2\nmemory = "big"\n[rules."A.Rule"]\nrematch = "always"\n')

    faults = faults_of(tmp_path, {"RUNNER_LIMITS_ROWS": "many"}, lake__location="")

    assert faults == [
        """runner.toml: rules."A.Rule".rematch: expected 'once' or 'count', found 'always'""",
        "runner.toml: there is no option workers.cont: did you mean workers.count?",
        "runner.toml: workers.memory: expected a size such as '2GiB' or '500MB', found 'big'",
        "RUNNER_LIMITS_ROWS: expected a whole number of 1 or more, found 'many'",
        "--lake.location: expected some text, found ''",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("workers = 3\n", "there is no option workers"),
        ("[lakes]\nlocation = 'x'\n", "there is no option lakes.location: did you mean lake.location?"),
        ("[zzz]\nqqq = 1\n", "there is no option zzz.qqq (the options: definitions.exclude, "),
    ],
)
def test_an_unknown_option_comes_with_a_suggestion(tmp_path, text, fault):
    write(tmp_path, text)

    assert faults_of(tmp_path)[0].startswith(f"runner.toml: {fault}")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("RUNNER_WORKER_COUNT", ": did you mean RUNNER_WORKERS_COUNT?"),
        ("RUNNER_LAKE_LOCATIONS", ": did you mean RUNNER_LAKE_LOCATION?"),
        ("RUNNER_STATE_OF_AFFAIRS_IN_EUROPE", ""),  # one of our sections, and like nothing in it
    ],
)
def test_a_misspelt_variable_is_refused(tmp_path, name, hint):
    faults = faults_of(tmp_path, {name: "1"})

    assert faults == [f"the variable {name} sets no option{hint}"]


@pytest.mark.parametrize(
    "name", ["RUNNER_OS", "RUNNER_TEMP", "RUNNER_WORKSPACE", "RUNNER_TOOL_CACHE", "PATH"]
)
def test_variables_that_a_ci_system_sets_are_left_alone(tmp_path, name):
    loaded = settings.load(tmp_path, {name: "anything"})

    assert loaded["workers.count"] >= 1


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("268435456B", 2**28),
        ("300MB", 300 * 10**6),
        ("512 MiB", 512 * 2**20),
        ("2gib", 2 * 2**30),
        ("1GB", 10**9),
        ("1TiB", 2**40),
        (" 1 TB ", 10**12),
    ],
)
def test_sizes_have_decimal_and_binary_units(tmp_path, text, size):
    loaded = settings.load(tmp_path, {"RUNNER_WORKERS_MEMORY": text})

    assert loaded["workers.memory"] == size


def test_the_settings_of_a_rule_are_found_by_its_id(tmp_path):
    write(tmp_path, '[rules."A.Rule"]\nidentity = ["user", "day"]\nrematch = "count"\n')

    loaded = settings.load(tmp_path, {})

    assert loaded.rule("A.Rule") == RuleOverride(identity=("user", "day"), rematch="count")
    assert loaded.rule("Other") == RuleOverride(identity=(), rematch="once")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("rules = 3\n", """: expected a table for each rule, such as [rules."My.Rule"]"""),
        ("[rules]\nA = 3\n", """."A": expected a table, found 3"""),
        ("[rules.A]\nidentiy = []\n", """."A".identiy: there is no such option: did you mean identity?"""),
        ("[rules.A]\nidentity = [3]\n", """."A".identity: expected a list of texts"""),
        ("[rules.A]\nrematch = []\n", """."A".rematch: expected 'once' or 'count', found []"""),
    ],
)
def test_a_wrong_setting_of_a_rule_is_named(tmp_path, text, fault):
    write(tmp_path, text)

    assert faults_of(tmp_path)[0].startswith(f"runner.toml: rules{fault}")


@pytest.mark.parametrize("content", [b"[lake\n", b"\xff\xfe"])
def test_a_file_that_is_not_toml_is_refused(tmp_path, content):
    (tmp_path / "runner.toml").write_bytes(content)

    assert faults_of(tmp_path)[0].startswith("runner.toml: not TOML: ")


def test_relative_paths_are_taken_from_the_project_folder(tmp_path):
    loaded = settings.load(tmp_path, {})

    assert loaded.lake == tmp_path.resolve() / "datalake"
    assert loaded.state_url == f"sqlite:///{tmp_path.resolve()}/.runner/state.db"
    assert loaded.spill == tmp_path.resolve() / ".runner" / "spill"


def test_a_state_url_is_taken_as_it_is(tmp_path):
    loaded = settings.load(tmp_path, {"RUNNER_STATE_URL": "postgresql://db/runner"})

    assert loaded.state_url == "postgresql://db/runner"


def test_the_project_folder_is_the_nearest_one_with_a_settings_file(tmp_path):
    write(tmp_path, "")
    inner = tmp_path / "rules" / "cloud"
    inner.mkdir(parents=True)

    assert settings.find_root(inner) == tmp_path.resolve()


def test_without_a_settings_file_the_project_folder_is_where_we_are(tmp_path):
    assert settings.find_root(tmp_path) == tmp_path.resolve()


def test_a_query_has_its_own_schedule_settings_then_its_tags_then_the_general_ones(tmp_path):
    write(
        tmp_path,
        """
        [schedule]
        settle_seconds = 10
        [queries."Failed Logins"]
        settle_seconds = 30
        [tags."okta"]
        settle_seconds = 20
        catch_up = "latest"
        """,
    )
    loaded = settings.load(tmp_path, {})

    assert loaded.of_query("Failed Logins", ["okta"], "settle_seconds") == 30
    assert loaded.of_query("Failed Logins", ["okta"], "catch_up") == "latest"
    assert loaded.of_query("Other", ["okta"], "settle_seconds") == 20
    assert loaded.of_query("Other", [], "settle_seconds") == 10


def test_wrong_query_overrides_are_all_named(tmp_path):
    write(
        tmp_path,
        """
        [queries."Failed Logins"]
        settle = 30
        catch_up = "some"
        [tags]
        okta = 1
        """,
    )

    faults = faults_of(tmp_path)

    assert faults == [
        'runner.toml: queries."Failed Logins".settle: there is no such option: did you mean settle_seconds?',
        "runner.toml: queries.\"Failed Logins\".catch_up: expected 'all', 'latest' or 'none', found 'some'",
        'runner.toml: tags."okta": expected a table, such as [tags.<name>]',
    ]


def test_a_table_of_the_lake_has_settings_of_its_own(tmp_path):
    write(tmp_path, "[tables.aws_cloudtrail]\nstale_after_minutes = 60\n")

    assert settings.load(tmp_path, {}).tables["aws_cloudtrail"] == {"stale_after_minutes": 60}


def test_a_wrong_setting_of_a_table_is_named(tmp_path):
    write(tmp_path, "[tables.aws_cloudtrail]\nstale_after_minute = 60\n")

    assert faults_of(tmp_path) == [
        (
            'runner.toml: tables."aws_cloudtrail".stale_after_minute: there is no such option: '
            "did you mean stale_after_minutes?"
        )
    ]


ENGINES = '[engines.warehouse]\nurl = "postgresql://runner:pass-word@db/logs"\n'


def test_a_query_goes_to_the_engine_that_it_or_its_tag_names(tmp_path):
    (tmp_path / "runner.toml").write_text(
        ENGINES + '[queries."A"]\nengine = "duckdb"\n[tags."big"]\nengine = "warehouse"\n'
    )

    loaded = settings.load(tmp_path, {})

    assert loaded.database_of("A", ["big"]) is None
    assert loaded.database_of("B", ["big"]) == ("warehouse", "postgresql://runner:pass-word@db/logs")
    assert loaded.database_of("C", []) is None
    assert "pass-word" in loaded.secrets


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[lake]\nengine = "warehous"\n' + ENGINES, "there is no engine 'warehous': did you mean warehouse?"),
        ('[queries."A"]\nengine = "other"\n', "there is no engine 'other'"),
        ('[engines.duckdb]\nurl = "postgresql://db/logs"\n', "this name is that of the engine over the lake"),
        ('[engines.w]\nurl = "mysql://db/logs"\n', "expected a SQLAlchemy URL of PostgreSQL"),
        (ENGINES + "size = 3\n", 'engines."warehouse".size: there is no such option'),
    ],
)
def test_a_wrong_engine_is_refused(tmp_path, text, fault):
    (tmp_path / "runner.toml").write_text(text)

    with pytest.raises(SettingsError) as raised:
        settings.load(tmp_path, {})

    assert fault in str(raised.value)
