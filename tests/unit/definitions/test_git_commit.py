"""The commit of a checkout, read from git's own files."""

import pytest

from runner.definitions.git_commit import git_commit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40


def write(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_a_branch_is_followed_from_any_folder_below(tmp_path):
    write(tmp_path / ".git" / "HEAD", "ref: refs/heads/main\n")
    write(tmp_path / ".git" / "refs" / "heads" / "main", f"{COMMIT}\n")
    (tmp_path / "detections" / "project").mkdir(parents=True)

    assert git_commit(tmp_path / "detections" / "project") == COMMIT


def test_a_commit_that_is_checked_out_by_itself_is_told(tmp_path):
    write(tmp_path / ".git" / "HEAD", f"{COMMIT}\n")

    assert git_commit(tmp_path) == COMMIT


def test_a_branch_may_be_packed_and_its_own_file_comes_first(tmp_path):
    write(tmp_path / ".git" / "HEAD", "ref: refs/heads/main\n")
    write(tmp_path / ".git" / "packed-refs", f"# pack-refs with: peeled\n{OTHER} refs/heads/main\n")
    packed = git_commit(tmp_path)
    write(tmp_path / ".git" / "refs" / "heads" / "main", f"{COMMIT}\n")

    assert (packed, git_commit(tmp_path)) == (OTHER, COMMIT)


def test_a_worktree_shares_its_branches_with_the_repository(tmp_path):
    own = tmp_path / "repository" / ".git" / "worktrees" / "second"
    write(tmp_path / "second" / ".git", f"gitdir: {own}\n")
    write(own / "HEAD", "ref: refs/heads/second\n")
    write(own / "commondir", "../..\n")
    write(tmp_path / "repository" / ".git" / "refs" / "heads" / "second", f"{COMMIT}\n")

    assert git_commit(tmp_path / "second") == COMMIT


@pytest.mark.parametrize(
    "head",
    [
        "ref: refs/heads/unborn\n",  # no commit yet
        "ref: HEAD\n",  # goes round in a circle
        "nonsense\n",
        "",
    ],
)
def test_a_checkout_without_a_commit_has_none(tmp_path, head):
    write(tmp_path / ".git" / "HEAD", head)

    assert git_commit(tmp_path) == ""


def test_what_git_has_written_in_bytes_that_are_no_text_is_no_commit(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_bytes(b"\xff\xfe")

    assert git_commit(tmp_path) == ""
