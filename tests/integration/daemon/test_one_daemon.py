"""With SQLite there is one daemon for a state database, whatever name the database is called by."""

import pytest

from runner import settings
from runner.clock import SystemClock
from runner.daemon.lock import lock_beside, only_daemon
from runner.daemon.process import Daemon
from runner.errors import StoreError
from runner.store.database import sqlite_file


def by_a_link_to_the_file(root, link):
    (link / ".runner").mkdir(parents=True)
    (link / ".runner" / "state.db").symlink_to(root / ".runner" / "state.db")


def by_a_link_to_its_folder(root, link):
    link.mkdir()
    (link / ".runner").symlink_to(root / ".runner")


def by_a_link_to_the_project(root, link):
    link.symlink_to(root)


def by_a_relative_link_with_another_name(root, link):
    (link / ".runner").mkdir(parents=True)
    (root / ".runner" / "same.db").symlink_to("state.db")
    (link / ".runner" / "state.db").symlink_to(f"../../{root.name}/.runner/same.db")


@pytest.mark.parametrize(
    "name_it",
    [
        by_a_link_to_the_file,
        by_a_link_to_its_folder,
        by_a_link_to_the_project,
        by_a_relative_link_with_another_name,
    ],
)
@pytest.mark.parametrize("exists", [True, False])
def test_a_second_daemon_is_refused_by_whatever_links_it_comes(tmp_path, name_it, exists):
    root, link = tmp_path / "project", tmp_path / "link"
    (root / ".runner").mkdir(parents=True)
    if exists:
        (root / ".runner" / "state.db").touch()
    name_it(root, link)
    first = sqlite_file(settings.load(root, {}).state_url)

    with only_daemon(lock_beside(first)), pytest.raises(StoreError) as refusal:
        Daemon(settings.load(link, {}), SystemClock()).run()

    assert "another daemon works on this state database" in str(refusal.value)
    assert not (root / ".runner" / "state.db").exists() or not (root / ".runner" / "state.db").stat().st_size


def test_links_that_lead_round_in_a_circle_are_told(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")

    with pytest.raises(StoreError, match="cannot be found"):
        sqlite_file(f"sqlite:///{tmp_path}/a/state.db")


@pytest.mark.parametrize("url", ["sqlite://", "postgresql://localhost/runner"])
def test_a_database_without_a_file_has_none(url):
    assert sqlite_file(url) is None
