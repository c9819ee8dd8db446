import pytest

from runner.errors import RefusedQuery
from runner.lake.dialect import templates

PRAGMA = "-- pragma: template\n"
LIBRARY = {
    "anomalies": PRAGMA
    + """
{% macro unusual(table, entity, window) export %}
unusual AS (SELECT {{ entity }} FROM {{ table }} WHERE p_occurs_since('{{ window }}'))
{% endmacro %}
{% macro shout(word) export -%}{{ word | upper }}{%- endmacro %}
"""
}


def expanded(text, library=LIBRARY):
    return templates.expand(PRAGMA + text, library).text.removeprefix(PRAGMA)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("-- pragma: template\nselect 1", True),
        ("select 1\n  --  PRAGMA: Template", True),
        ("select '-- pragma: template'", False),
        ("select {{ x }}", False),
    ],
)
def test_only_the_pragma_makes_a_template(text, is_one):
    assert templates.is_template(text) is is_one


def test_an_exported_macro_is_imported_by_the_name_of_its_saved_query():
    text = "{% import 'anomalies' unusual %}\nWITH {{ unusual('logs', 'email', '1 day') }} SELECT 1"

    assert expanded(text).split() == (
        "WITH unusual AS (SELECT email FROM logs WHERE p_occurs_since('1 day')) SELECT 1".split()
    )


def test_several_macros_are_imported_at_once_and_renamed():
    assert expanded('{% import "anomalies" unusual, shout as cry %}{{ cry("ab") }}') == "AB"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("{% set t = 'logs' %}SELECT * FROM {{ t }}", "SELECT * FROM logs"),
        ("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(1) }}", "<1>"),
        ("{% for c in ['a', 'b'] %}{{ c }}{% if not loop.last %}, {% endif %}{% endfor %}", "a, b"),
        ("{# a note #}SELECT '{{ \"it's\" }}'", "SELECT 'it's'"),
        ("SELECT {{ ['a', 'b'] | join(', ') }}", "SELECT a, b"),
    ],
)
def test_the_rest_is_jinja(text, made):
    assert expanded(text) == made


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("{% import 'nobody' f %}", "a saved query that is not there: nobody", None),
        ("SELECT {{ x }}", "'x' is undefined", None),
        ("SELECT 1\n{% if %}", "not a template", 3),
        ("{{ 1 | center(9) }}", "No filter named 'center'", 2),
        ("{{ ''.__class__ }}", "unsafe", None),
        ("{{ 'x'.upper() }}", "unsafe", None),
        ("{{ 'a' * 1000000000 }}", "* is not allowed", None),
        ("{{ 9 ** 999999 }}", "** is not allowed", None),
        ("{{ '%99999999d' % 1 }}", "% is not allowed", None),
        ("{% for a in 'x' %}{% for b in range(9) %}{% endfor %}{% endfor %}", "'range' is undefined", None),
        (
            "{% set a = 'x' %}" + "{% set a = a ~ a %}" * 25 + "{{ a }}",
            "more than 1,000,000 characters",
            None,
        ),
    ],
)
def test_what_is_no_template_or_reaches_out_is_refused(text, said, line):
    with pytest.raises(RefusedQuery) as refused:
        expanded(text)

    assert said in str(refused.value)
    assert refused.value.line == line


def test_a_line_of_the_sql_is_found_again_in_the_template():
    made = templates.expand(PRAGMA + "{% set t = 'x' %}\nSELECT nobody\nFROM {{ t }}\n", {})

    assert made.line_in_source(made.text.splitlines().index("SELECT nobody") + 1) == 3
    assert made.line_in_source(made.text.splitlines().index("FROM x") + 1) is None
    assert made.line_in_source(99) is None
