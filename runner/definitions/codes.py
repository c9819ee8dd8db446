"""Every fault and warning that a definition can have, in one table."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Code(StrEnum):
    """A stable code: the member's value is the code, `title` its name, `meaning` and `remedy` one sentence each.

    E marks errors (the definition is left out), W warnings. E0: the file cannot be read. E1: a field is wrong. E2: only
    the set shows it. E3: the lake shows it. E4: Panther's own tool refuses it, and we do not, unless asked to. W3: something is ignored or never runs. W4: the Python looks mistaken.
    W5: the same row may get another answer later.
    """

    meaning: str
    remedy: str

    def __new__(cls, value: str, meaning: str, remedy: str) -> Self:  # noqa: D102 - the class docstring covers it
        code = str.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        code.remedy = remedy
        return code

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title would be of no use here
        """The code's name in words joined by hyphens, such as `unknown-key`."""
        return self.name.lower().replace("_", "-")

    UNREADABLE_FILE = (
        "E001",
        "A file or folder could not be opened.",
        "Check that it exists, and who may read it.",
    )
    NOT_UTF8 = ("E002", "The file is not UTF-8 text.", "Save it as UTF-8.")
    NOT_YAML = ("E003", "The file is not YAML that can be read safely.", "Mend the YAML at the place named.")
    SEVERAL_DOCUMENTS = (
        "E004",
        "The file holds more than one YAML document.",
        "Give each definition a file of its own.",
    )
    NO_LONGER_A_DEFINITION = (
        "E005",
        "A file that held a definition holds none now; only the daemon knows, and keeps the last good version.",
        "Write the key AnalysisType again, or delete the file to end the definition.",
    )
    NOT_PYTHON = ("E006", "The Python file is not Python.", "Mend the Python at the place named.")
    UNKNOWN_KEY = (
        "E101",
        "The definition has a key that Panther does not know there.",
        "Correct the spelling, or remove the key.",
    )
    MISSING_KEY = ("E102", "A key that must be there is missing.", "Add the key.")
    WRONG_TYPE = (
        "E103",
        "A value is of another type than its key asks for.",
        "Write a value of the type named.",
    )
    UNKNOWN_KIND = (
        "E104",
        "`AnalysisType` names no kind of definition.",
        "Write one of Panther's kinds, such as scheduled_query or scheduled_rule.",
    )
    BAD_ID = (
        "E105",
        'An id or name is empty or has one of the characters < > & " %.',
        "Leave these characters out.",
    )
    UNKNOWN_SEVERITY = (
        "E106",
        "`Severity` is none of the five.",
        "Write Info, Low, Medium, High or Critical.",
    )
    REPEATED_VALUE = ("E107", "A list that is a set has one value twice.", "Remove the repeated value.")
    NO_QUERY = (
        "E108",
        "A scheduled query has no SQL.",
        "Give it one of Query, SnowflakeQuery, AthenaQuery or DuckDBQuery.",
    )
    UNSUPPORTED_DIALECT = (
        "E109",
        "The SQL is in a dialect that is not supported.",
        "Write the query in Snowflake's, Athena's or DuckDB's SQL.",
    )
    BAD_SCHEDULE = (
        "E110",
        "A schedule has both a cron expression and a rate, or neither.",
        "Keep exactly one of CronExpression and RateMinutes.",
    )
    BAD_CRON = (
        "E111",
        "The cron expression is not one that Panther documents, or never fires.",
        "Write five fields (minute, hour, day of month, month, day of week) of numbers, *, lists, ranges and steps.",
    )
    BAD_RATE = (
        "E112",
        "`RateMinutes` is below 2, or shorter than `TimeoutMinutes`.",
        "Run less often, or shorten the timeout.",
    )
    BAD_TIMEOUT = ("E113", "`TimeoutMinutes` is below 1.", "Give the query at least one minute.")
    NOT_PYTHON_RULE = (
        "E115",
        "A scheduled rule is written in YAML conditions instead of Python.",
        "Write a Python file with a `rule` function and name it in Filename.",
    )
    BAD_SOURCE = (
        "E116",
        "A rule names the wrong source of events: queries and log types, or neither.",
        "Name queries in ScheduledQueries of a scheduled_rule, or log types in LogTypes of a rule.",
    )
    MISSING_FILE = (
        "E117",
        "`Filename` names a file that is not there.",
        "Write the path relative to the folder of the YAML file.",
    )
    NO_RULE_FUNCTION = (
        "E118",
        "The Python file does not define `rule`, or of a policy `policy`.",
        "Define `def rule(event):` (or `def policy(resource):`) and return True or False.",
    )
    BAD_CONDITION = (
        "E119",
        "A condition written in YAML is not one that Panther documents.",
        "Correct the condition at the place named; the reference of definitions lists them.",
    )
    BAD_LOGIC = (
        "E120",
        "A rule has both Python and YAML conditions, or neither.",
        "Keep exactly one of Filename and Detection.",
    )
    BAD_MAPPING = (
        "E121",
        "A mapping of a data model has no usable path or method.",
        "Give it a Path that is JSONPath, or a Method that the Python file defines.",
    )
    BAD_LOOKUP = (
        "E122",
        "A lookup table has no source of rows that can be used, or its rows cannot be read.",
        "Give it a Filename with CSV or JSON lines, a Refresh, or a query with a Refresh.",
    )
    BAD_CORRELATION = (
        "E123",
        "A sequence or group of a correlation rule does not hold together.",
        "Correct what the sentence names: steps, transitions and match criteria name each other by ID.",
    )
    EMPTY_QUERY = (
        "E124",
        "The SQL of a query is empty, so it cannot run.",
        "Write the query, or take the definition away; `runner test` does not mind it.",
    )
    DUPLICATE_ID = (
        "E201",
        "Two definitions claim one id; ids are shared by all kinds.",
        "Rename one of them.",
    )
    UNKNOWN_QUERY = (
        "E202",
        "A rule listens to a scheduled query that nobody wrote.",
        "Correct the name in ScheduledQueries, or write the query.",
    )
    UNKNOWN_BASE = (
        "E203",
        "A derived detection derives from no rule.",
        "Name the RuleID of a rule over log types in BaseDetection.",
    )
    UNKNOWN_PACK_ITEM = (
        "E204",
        "A pack names a definition that is not there.",
        "Correct the id, or write the definition.",
    )
    SECOND_DATA_MODEL = (
        "E205",
        "Two enabled data models are for one log type.",
        "Disable one of them, or join their mappings.",
    )
    REFUSED_SQL = (
        "E301",
        "The SQL is not one SELECT that may run.",
        "Write one SELECT over tables of the lake; time macros take the arguments that the reference lists.",
    )
    UNKNOWN_TABLE = (
        "E302",
        "The SQL reads a table that is not in the lake.",
        "Correct the name, or ingest logs of that type first.",
    )
    UNBOUND_SQL = (
        "E303",
        "The SQL does not fit the tables: a column, a function or a type is not there.",
        "Correct the SQL at what the sentence names.",
    )
    FOREIGN_KEY = (
        "E401",
        "A key is known here and not to Panther. Told with --strict only.",
        "Use one of Panther's keys, if the file is to serve both.",
    )
    SEVERITY_CASE = (
        "E402",
        "`Severity` is not written as Panther's own tool wants it. Told with --strict only.",
        "Write Info, Low, Medium, High or Critical.",
    )
    UNQUALIFIED_TABLE = (
        "E403",
        "The SQL names a table in a form that Panther's own tool refuses. Told with --strict only.",
        "Write database.public.table, or allow the name with --valid-table-name.",
    )
    IGNORED_KEY = ("W301", "A key is accepted and has no effect.", "Remove it, or do not count on it.")
    UNUSED_QUERY_TEXT = (
        "W302",
        "A query is given in several dialects, of which one is used.",
        "Keep only the one that is used, or leave it so if Panther reads the file too.",
    )
    ADJUSTED_DEDUP = (
        "W303",
        "`DedupPeriodMinutes` is below 5, or beyond a thousand million, and is not used as written.",
        "Write 5 or more.",
    )
    NEVER_RUN = (
        "W304",
        "A rule is complete and never runs, because it listens to no scheduled query.",
        "Name the queries it listens to in ScheduledQueries.",
    )
    UNHEARD_QUERY = (
        "W305",
        "No rule listens to a scheduled query, so its rows alert nobody.",
        "Write a rule, or leave it so if only the rows are wanted.",
    )
    SHADOWED_MODULE = (
        "W306",
        "A global helper has the name of a Python module and hides it from rules.",
        "Rename the helper.",
    )
    ALMOST_A_DEFINITION = (
        "W307",
        "A file looks like a definition and is skipped, because `AnalysisType` is spelt otherwise or missing.",
        "Write the key as AnalysisType; or keep what is no definition out of the folders of definitions.",
    )
    UNKNOWN_SUBRULE = (
        "W308",
        "A correlation rule waits for matches of a rule that is not there.",
        "Correct the RuleID, or write the rule.",
    )
    UNKNOWN_DESTINATION = (
        "W309",
        "`OutputIds` names a destination that nobody set up.",
        "Correct the name, or add it to the setting definitions.destinations.",
    )
    SHADOWED_MAPPING = (
        "W310",
        "A data model maps a name twice; the last mapping counts.",
        "Keep one of the two.",
    )
    UNSENT_RESULT = (
        "W311",
        "The rows of a query are to be mailed, and nobody gets them.",
        "Describe a destination of kind email in runner.toml, and write addresses under Recipients.",
    )
    REPEATED_KEY = (
        "W312",
        "A mapping has the same key twice; the last one counts, as it does with Panther.",
        "Keep one of the two.",
    )
    ADJUSTED_NUMBER = (
        "W313",
        "A number is one that has no meaning there, and the nearest that has one is used.",
        "Write the number that is used.",
    )
    LOOKALIKE_FUNCTION = (
        "W401",
        "A function nobody calls has almost the name of one that Panther calls.",
        "Correct the name, or call the function.",
    )
    NOT_A_FUNCTION = (
        "W402",
        "A name that Panther calls as a function is something else.",
        "Define it as a function, or give the value another name.",
    )
    NETWORK_USE = (
        "W501",
        "The Python reaches the network, so the same row may get another answer later.",
        "Bring the data into the lake and join it in the query.",
    )
    CLOCK_USE = (
        "W502",
        "The Python asks what time it is, so the same row gets another answer later.",
        "Compare with a time that the query returns, such as p_current_timestamp().",
    )
    RANDOM_USE = (
        "W503",
        "The Python draws random values, so the same row gets another answer each time.",
        "Derive the value from the row.",
    )
    CACHE_USE = (
        "W504",
        "The Python remembers things between rows in a cache, so the order of runs matters.",
        "Count or compare in the query.",
    )
    MODULE_STATE = (
        "W505",
        "The Python keeps state in a global name, so the order of rows matters.",
        "Count or compare in the query.",
    )
    VOLATILE_SQL = (
        "W506",
        "The SQL may give another answer for the same time.",
        "Order before LIMIT, aggregate with MIN or MAX, and use no random values.",
    )
    TIMELESS_TABLE = (
        "W507",
        "The SQL reads a table without a time column, which cannot be seen as it was.",
        "Leave it so if the table changes seldom.",
    )
    APPROXIMATE_SQL = (
        "W508",
        "The SQL runs, and may answer differently from the engine that it was written for.",
        "Leave it so if the difference does not matter, or write that part in another way.",
    )
    UNWATCHED_TIME = (
        "W509",
        "The time that a query looks back over is shorter than the time between its runs, or leaves no room for late logs.",
        "Look back over more than one interval, or set `schedule.settle_seconds`.",
    )
    UNBOUNDED_TABLE = (
        "W510",
        "The SQL reads the whole of a table that has a time column.",
        "Bound `p_event_time` where the table is read, as `p_occurs_since('1 hour')` does.",
    )
