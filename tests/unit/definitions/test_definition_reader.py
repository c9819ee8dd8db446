import os

import pytest

from runner.definitions.codes import Code
from runner.definitions.folder import contents_of
from runner.options import OPTIONS


def names_of(catalogue):
    return sorted(catalogue.queries)


def test_yml_and_yaml_are_read_and_other_endings_are_not(project):
    for name in ("a.yml", "b.yaml", "c.YML", "d.json", "e.yml.bak"):
        project.query(name, old="Failed Logins", new=name)

    assert names_of(project.read()) == ["a.yml", "b.yaml"]


def test_hidden_files_and_folders_and_caches_are_passed_over(project):
    for name in (".a.yml", ".git/b.yml", "__pycache__/c.yml", "queries/.d/e.yml", "queries/f.yml"):
        project.query(name, old="Failed Logins", new=name)

    assert names_of(project.read()) == ["queries/f.yml"]


def test_templates_are_left_out_of_the_project_and_read_on_their_own(project):
    project.query("queries/a.yml", old="Failed Logins", new="A")
    project.query("templates/b.yml", old="Failed Logins", new="B")

    whole = project.read(exclude=("templates/",))
    project.root /= "templates"

    assert names_of(whole) == ["A"]
    assert names_of(project.read()) == ["B"]


PANTHERS_FOLDERS = next(option.default for option in OPTIONS if option.name == "definitions.folders")


@pytest.mark.parametrize(
    ("folder", "is_read"),
    [
        (".", True),
        ("rules", True),
        ("rules/aws/iam", True),
        ("correlation_rules", True),
        ("vendor/rules", True),
        ("data_models/custom", True),
        ("global_helpers", True),
        ("global_helpers/old", False),  # the folder itself only, as with packs
        ("packs", True),
        ("packs/old", False),
        ("policies", True),
        ("queries/okta", True),
        ("lookup_tables", True),
        ("templates", False),
        ("test_scenarios", False),
        ("indexes", False),
        ("docs/examples", False),
    ],
)
def test_of_a_whole_repository_only_panthers_folders_are_read(project, folder, is_read):
    project.query(f"{folder}/a.yml")

    catalogue = project.read(folders=PANTHERS_FOLDERS)

    assert len(catalogue.queries) == int(is_read)


def test_only_the_folder_that_is_named_is_left_out(project):
    for name in ("a/templates/a.yml", "templates/b.yml", "templates2/c.yml"):
        project.query(name, old="Failed Logins", new=name)

    catalogue = project.read(exclude=("templates",))

    assert names_of(catalogue) == ["a/templates/a.yml", "templates2/c.yml"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "a: 1\n",
        "a: [not closed\n",
        "- AnalysisType\n",
        "Nested:\n  AnalysisType: scheduled_query\n",
        "# AnalysisType: scheduled_query\n",
        "one: 1\n---\ntwo: 2\n",
        "caf\xe9: 1\n",
    ],
)
def test_what_is_no_definition_is_passed_over(project, content):
    (project.root / "other.yml").write_bytes(content.encode("latin-1"))

    catalogue = project.read()

    assert (catalogue.errors, catalogue.warnings, catalogue.counts) == ((), (), {})


def test_a_byte_order_mark_does_no_harm(project):
    path = project.query()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    catalogue = project.read()

    assert names_of(catalogue) == ["Failed Logins"]
    assert catalogue.queries["Failed Logins"].location.column == 1


def test_linked_folders_and_files_are_read_once_where_they_really_are_and_loops_end(project):
    project.query("queries/a.yml")
    (project.root / "queries" / "loop").symlink_to(project.root, target_is_directory=True)
    (project.root / "again").symlink_to(project.root / "queries", target_is_directory=True)
    (project.root / "queries" / "b.yml").symlink_to(project.root / "queries" / "a.yml")

    catalogue = project.read()

    assert catalogue.errors == ()
    assert str(catalogue.queries["Failed Logins"].location) == "queries/a.yml:1:1"


def test_a_link_in_a_folder_that_is_not_looked_into_hides_nothing(project):
    project.query("queries/a.yml")
    (project.root / "again").symlink_to(project.root / "queries", target_is_directory=True)

    contents = contents_of(project.root, folders=("./queries*",))

    assert list(contents.files) == ["queries/a.yml"]


def test_a_link_to_nowhere_is_an_error_and_not_a_crash(project):
    (project.root / "gone.yml").symlink_to(project.root / "nowhere.yml")

    catalogue = project.read()

    assert [str(error) for error in catalogue.errors] == [
        "gone.yml:1:1: E001 cannot be read: No such file or directory"
    ]


def test_a_root_that_is_not_there_is_an_error_and_not_a_crash(project):
    project.root /= "nowhere"

    assert [error.code for error in project.read().errors] == [Code.UNREADABLE_FILE]


def test_a_pipe_with_the_name_of_a_definition_is_not_waited_for(project):
    os.mkfifo(project.root / "pipe.yml")

    assert project.read().errors == ()


def test_two_rules_may_share_one_python_file(project):
    project.query()
    project.rule("a.yml", old="Okta.FailedLogins", new="A")
    project.rule("b.yml", old="Okta.FailedLogins", new="B")

    catalogue = project.read()

    assert catalogue.rules["A"].python == catalogue.rules["B"].python


def test_a_fault_in_a_shared_python_file_is_told_once_and_hurts_both_rules(project):
    project.query()
    project.rule("a.yml", old="Okta.FailedLogins", new="A")
    project.rule("b.yml", old="Okta.FailedLogins", new="B", python="def rule(event)\n")

    catalogue = project.read()

    assert [error.code for error in catalogue.errors] == [Code.NOT_PYTHON]
    assert catalogue.rules == {}


def test_python_is_found_beside_its_yaml_and_above_it(project):
    project.query()
    project.rule("rules/okta/rule.yml", old="failed_logins.py", new="../../failed_logins.py")

    catalogue = project.read()

    assert catalogue.rules["Okta.FailedLogins"].python.path.as_posix() == "failed_logins.py"


def test_an_absolute_filename_within_the_project_is_relative_to_it(project):
    project.query()
    project.rule(old="failed_logins.py", new=str(project.root / "failed_logins.py"))

    catalogue = project.read()

    assert catalogue.rules["Okta.FailedLogins"].python.path.as_posix() == "failed_logins.py"


@pytest.mark.parametrize("filename", ["''", '"a\\0b.py"', "x" * 5_000, "/no/such.py", "..", "nowhere.py"])
def test_a_filename_that_names_no_file_is_an_error_at_the_name(project, filename):
    project.query()
    project.rule(old="failed_logins.py", new=filename)

    catalogue = project.read()

    assert [(str(error.location), error.code) for error in catalogue.errors] == [
        ("rule.yml:4:11", Code.MISSING_FILE)
    ]


@pytest.mark.parametrize(
    "python",
    [
        "def rule(event)\n",
        "def rule(event):\nreturn 1\n",
        "x = '\0'\n",
        "return 1\n",
        "(" * 5_000,
        "x = " + "-" * 100_000 + "1\n",
        "\tx = 1\n",
    ],
)
def test_python_that_cannot_be_parsed_is_an_error_in_the_python_file(project, python):
    project.query()
    project.rule(python=python)

    catalogue = project.read()

    assert [error.code for error in catalogue.errors] == [Code.NOT_PYTHON]
    assert catalogue.errors[0].location.path.name == "failed_logins.py"
