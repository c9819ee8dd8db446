"""The files in docs/deploy, checked as far as they can be without their servers."""

import configparser
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from runner import settings
from runner.cli.main import cli
from runner.daemon import fleet_metrics
from runner.definitions.catalogue import read_catalogue
from runner.metrics import Metrics
from runner.options import OPTIONS

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "docs" / "deploy"
PAGES = ("/healthz", "/readyz", "/metrics")
VARIABLES = {option.variable for option in OPTIONS}


def unit():
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(DEPLOY / "runner.service")
    return parser


def instructions():
    """Return the instructions of the Dockerfile, each as its name and its text in one line."""
    text = (DEPLOY / "Dockerfile").read_text()
    plain = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in plain.splitlines() if line.strip()]


def documents():
    return list(yaml.safe_load_all((DEPLOY / "kubernetes.yml").read_text()))


def document(kind):
    return next(one for one in documents() if one["kind"] == kind)


def container():
    (found,) = document("Deployment")["spec"]["template"]["spec"]["containers"]
    return found


def parses(arguments):
    """Tell whether the program takes such arguments."""
    program = click.Context(cli, info_name="runner", **cli.context_settings)
    command = cli.get_command(program, arguments[0])
    try:
        command.make_context(arguments[0], list(arguments[1:]), parent=program)
    except click.UsageError as error:  # the folders of the example are not on this machine
        return "does not exist" in error.message
    return True


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    if shutil.which("systemd-analyze") is None:
        assert unit()["Service"]["Type"] == "notify"  # what can be said without it is said below
        return
    copy = tmp_path / "runner.service"
    there = (DEPLOY / "runner.service").read_text().replace("/opt/runner/bin/runner", sys.executable)
    copy.write_text(there.replace("WorkingDirectory=/srv/runner/project", f"WorkingDirectory={tmp_path}"))

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_starts_the_daemon_and_waits_longer_than_it_drains():
    service = unit()["Service"]
    defaults = {option.name: option.default for option in OPTIONS}

    assert service["Type"] == "notify"
    assert service["User"] != "root"
    assert parses(service["ExecStart"].split()[1:])
    assert float(service["TimeoutStopSec"]) > 2 * defaults["daemon.drain_seconds"]


def test_the_unit_sets_variables_that_there_are():
    text = (DEPLOY / "runner.service").read_text()

    assert set(re.findall(r"^Environment=(RUNNER_\w+)", text, re.MULTILINE)) <= VARIABLES


def test_the_image_is_built_in_a_stage_of_its_own_and_runs_as_nobody():
    names = [name for name, _ in instructions()]
    froms = [text for name, text in instructions() if name == "FROM"]
    last_stage = instructions()[len(names) - names[::-1].index("FROM") :]

    assert froms == ["python:3.11-slim AS build", "python:3.11-slim"]
    assert dict(last_stage)["USER"] == "10001:10001"
    assert set(names) <= set(
        "FROM WORKDIR COPY RUN ENV USER VOLUME EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD".split()
    )
    assert "://" not in re.sub(r"http://127.0.0.1\S+", "", (DEPLOY / "Dockerfile").read_text())


def test_the_image_copies_what_is_there_and_what_is_not_ignored():
    kept = {
        line[1:]
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = [
        source
        for name, text in instructions()
        if name == "COPY" and "--from" not in text
        for source in text.split()[:-1]
    ]

    assert copied != []
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert {source.removeprefix("./") for source in copied} == kept


def test_the_extras_of_the_image_are_those_of_the_project():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    wanted = re.findall(r"'\.\[(\w+)\]'", (DEPLOY / "Dockerfile").read_text())

    assert set(wanted) <= set(extras)


def test_the_image_runs_the_program_and_asks_the_page_that_it_listens_for():
    found = dict(instructions())
    variables = dict(re.findall(r"(RUNNER_\w+)=(\S+)", (DEPLOY / "Dockerfile").read_text()))
    health = json.loads(found["HEALTHCHECK"].split("CMD", 1)[1])
    port = variables["RUNNER_HTTP_LISTEN"].rpartition(":")[2]

    assert json.loads(found["ENTRYPOINT"]) == ["runner"]
    assert parses(json.loads(found["CMD"]))
    assert set(variables) <= VARIABLES
    assert found["EXPOSE"] == port
    assert f"127.0.0.1:{port}/healthz" in health[-1]
    compile(health[-1], "healthcheck", "exec")


def test_the_definitions_in_the_config_map_are_sound_and_its_settings_too(tmp_path):
    for name, text in document("ConfigMap")["data"].items():
        (tmp_path / name).write_text(text)
    secrets = document("Secret")["stringData"]
    mounted = (tmp_path / "runner.toml").read_text()
    for name, text in secrets.items():
        (tmp_path / f"secret-{name}").write_text(text)
        mounted = mounted.replace(f"/run/secrets/runner/{name}", f"secret-{name}")
    (tmp_path / "runner.toml").write_text(mounted)
    variables = {
        one["name"]: one["value"].replace("/run/secrets/runner/", "secret-") for one in container()["env"]
    }

    loaded = settings.load(tmp_path, variables)
    catalogue = read_catalogue(tmp_path)

    assert loaded["heartbeat.url"] == secrets["heartbeat-url"]
    assert loaded.state_url == f"postgresql://runner:{secrets['state-password']}@postgres/runner"
    assert catalogue.errors == ()
    assert list(catalogue.queries) == ["Okta Failed Logins"]


def test_the_probes_ask_pages_that_there_are_at_a_port_that_is_open():
    found = container()
    ports = {port["name"] for port in found["ports"]}
    probes = [found[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")]

    assert [probe["path"] for probe in probes if probe["path"] not in PAGES] == []
    assert {probe["port"] for probe in probes} <= ports
    assert found["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert parses(found["args"])


def test_every_volume_is_mounted_and_every_mount_is_a_volume():
    pod = document("Deployment")["spec"]["template"]["spec"]

    volumes = {volume["name"] for volume in pod["volumes"]}

    assert {mount["name"] for mount in container()["volumeMounts"]} == volumes
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["terminationGracePeriodSeconds"] > 60


def rules():
    (group,) = yaml.safe_load((DEPLOY / "alert-rules.yml").read_text())["groups"]
    return group["rules"]


def test_alert_rules_ask_for_metrics_that_there_are():
    own = {
        f"{family.name}{ {'counter': '_total', 'info': '_info'}.get(family.type, '') }"
        for family in Metrics().registry.collect()
    }
    known = {
        *own,
        *fleet_metrics.OWN,
        *fleet_metrics.FLEET,
        *fleet_metrics.PER_QUERY,
        f"{fleet_metrics.DEATHS[0]}_total",
    }

    asked = {name for rule in rules() for name in re.findall(r"runner_\w+", rule["expr"])}

    assert asked - known == set()
    assert len(asked) > 8


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_rule_is_whole(rule):
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Runner[A-Za-z]+", rule["alert"])
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert rule["expr"].count("(") == rule["expr"].count(")")
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
