import pytest

from runner.definitions.catalogue import read_catalogue

QUERY = """\
AnalysisType: scheduled_query
QueryName: Failed Logins
Enabled: true
Query: SELECT actor FROM panther_logs.public.okta_systemlog
Schedule:
  RateMinutes: 60
  TimeoutMinutes: 5
"""
RULE = """\
AnalysisType: scheduled_rule
RuleID: Okta.FailedLogins
Enabled: true
Filename: failed_logins.py
ScheduledQueries:
  - Failed Logins
Severity: Medium
"""
HELPER = """\
AnalysisType: global
GlobalID: team_accounts
Filename: team_accounts.py
"""
PYTHON = "def rule(event):\n    return True\n"


class Project:
    """A folder of definitions that a test writes and reads."""

    def __init__(self, root):
        self.root = root

    def write(self, name, content=""):
        """Write a file and return its path."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def read(self, **options):
        """Read the folder into a catalogue."""
        return read_catalogue(self.root, **options)

    def query(self, name="query.yml", *, old="", new=""):
        """Write a sound query with one piece of text replaced, or added at its end."""
        return self.write(name, QUERY.replace(old, new) if old else QUERY + new)

    def rule(self, name="rule.yml", *, old="", new="", python=PYTHON):
        """Write a sound rule with one piece of text replaced, or added at its end, and its Python."""
        self.write("failed_logins.py", python)
        return self.write(name, RULE.replace(old, new) if old else RULE + new)

    def helper(self, name="helper.yml", *, old="", new="", python="ADMINS = ()\n"):
        """Write a sound helper with one piece of text replaced, or added at its end, and its Python."""
        self.write("team_accounts.py", python)
        return self.write(name, HELPER.replace(old, new) if old else HELPER + new)


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)
