import pytest

from runner import settings
from runner.errors import SettingsError
from runner.references import Mask, References, secrets_of_url


def load(root, text, **environment):
    (root / "runner.toml").write_text(text, encoding="utf-8")
    return settings.load(root, environment)


def test_a_variable_and_a_file_are_put_in_also_within_a_text(tmp_path):
    (tmp_path / "password").write_text("s3cret\n")

    loaded = load(
        tmp_path,
        '[state]\nurl = "postgresql://${env:DB_USER}:${file:password}@db/runner"\n',
        DB_USER="runner",
    )

    assert loaded.state_url == "postgresql://runner:s3cret@db/runner"
    assert {"s3cret", "runner"} <= loaded.secrets


def test_a_file_is_found_by_an_absolute_path_too(tmp_path):
    file = tmp_path / "url"
    file.write_text("https://hc.example/token")

    loaded = load(tmp_path, f'[heartbeat]\nurl = "${{file:{file}}}"\n')

    assert loaded["heartbeat.url"] == "https://hc.example/token"


def test_references_in_variables_and_flags_are_put_in(tmp_path):
    environment = {"RUNNER_STATE_URL": "${env:A}", "A": "state-a.db", "B": "lake-b"}

    loaded = settings.load(tmp_path, environment, {"lake.location": "${env:B}"})

    assert (loaded["state.url"], loaded["lake.location"]) == ("state-a.db", "lake-b")


def test_references_in_the_tables_of_destinations_are_put_in_however_deep(tmp_path):
    text = '[destinations.pager]\nkind = "webhook"\nheaders = {Authorization = "Bearer ${env:TOKEN}"}\n'

    loaded = load(tmp_path, text, TOKEN="t0ken")

    assert loaded.destinations["pager"]["headers"] == {"Authorization": "Bearer t0ken"}
    assert "t0ken" in loaded.secrets


def test_everything_that_cannot_be_put_in_is_named_at_once(tmp_path):
    (tmp_path / "empty").write_text("\n")
    text = (
        '[state]\nurl = "${env:NOWHERE}"\n[lake]\nlocation = "${file:gone}"\n'
        '[heartbeat]\nurl = "${file:empty}"\n[destinations.pager]\nurl = "${env:NOWHERE}"\n'
    )

    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)

    assert sorted(str(caught.value).split("\n")) == [
        'runner.toml: destinations."pager": the variable NOWHERE is not set',
        "runner.toml: heartbeat.url: the file empty is empty",
        "runner.toml: lake.location: the file gone cannot be read: No such file or directory, found '${file:gone}'",
        "runner.toml: state.url: the variable NOWHERE is not set, found '${env:NOWHERE}'",
    ]


def test_a_secret_option_is_not_shown_by_its_fault(tmp_path):
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, '[heartbeat]\nurl = "ftp://hc.example/t0ken"\n')

    assert "t0ken" not in str(caught.value)


def test_what_a_reference_stands_for_is_not_shown_by_a_fault(tmp_path):
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, '[workers]\nmemory = "${env:M}"\n', M="s3cret")

    assert "s3cret" not in str(caught.value)


def test_passwords_and_the_heartbeat_url_are_secrets_though_written_plainly(tmp_path):
    text = '[state]\nurl = "postgresql://u:p%40ss@db/runner"\n[heartbeat]\nurl = "https://hc.example/t0ken"\n'

    loaded = load(tmp_path, text)

    assert loaded.secrets == {"p%40ss", "p@ss", "https://hc.example/t0ken"}


@pytest.mark.parametrize(
    "url", [".runner/state.db", "sqlite:///state.db", "postgresql://u@db/runner", "http://[x"]
)
def test_a_url_without_a_password_has_no_secret(url):
    assert list(secrets_of_url(url)) == []


def test_a_mask_takes_secrets_out_of_all_texts_and_longer_ones_first():
    mask = Mask(["s3cret"])
    mask.add(["s3cret-and-more", "abc"])

    masked = mask.masked(
        {"fault": "no s3cret-and-more", "all": ["s3cret", ("x s3cret",)], "n": 3, "s": "abc"}
    )

    assert masked == {"fault": "no ***", "all": ["***", ["x ***"]], "n": 3, "s": "abc"}


def test_what_is_no_text_and_no_reference_stays_as_it_is(tmp_path):
    references = References({}, tmp_path)

    assert references.resolved([1, None, "$HOME ${x:y}", {"a": True}]) == [
        1,
        None,
        "$HOME ${x:y}",
        {"a": True},
    ]
    assert references.secrets == set()
