import pytest

from runner.definitions.condition_names import CONDITIONS
from runner.definitions.expression_file import path_steps
from runner.definitions.match_expression import (
    Combination,
    Comparison,
    Condition,
    EnrichmentTarget,
    KeyComparison,
    KeyTarget,
    ListComparison,
    Operator,
    Quantifier,
)

RULE = """\
AnalysisType: rule
RuleID: A
Enabled: true
Severity: Low
LogTypes: [B.C]
Detection:
"""


@pytest.fixture
def detect(project):
    """Write a rule with conditions, and return them as they were read."""

    def read(*lines):
        project.write("rule.yml", RULE + "".join(f"  {line}\n" for line in lines))
        catalogue = project.read()
        assert catalogue.errors == ()
        return catalogue.stream_rules["A"].simple.detection

    return read


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("a", ("a",)),
        ("a.b.c", ("a", "b", "c")),
        ("a[0]", ("a", 0)),
        ("a[-1].b", ("a", -1, "b")),
        ("a[*].b", ("a", None, "b")),
        ("a[0][1]", ("a", 0, 1)),
        ("[0].a", (0, "a")),
        ('a."b.c"[2]', ("a", "b.c", 2)),
        ('"a b"', ("a b",)),
        ("a:b", ("a:b",)),
        ("", None),
        (".a", None),
        ("a.", None),
        ("a..b", None),
        ("a[", None),
        ("a[x]", None),
        ("a[0]b", None),
        ("a.[0]", None),
        ('a"b"', None),
    ],
)
def test_a_path_is_read_into_its_steps_or_refused(path, steps):
    assert path_steps(path) == steps


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("Equals", Condition(operator=Operator.EQUALS)),
        ("IEquals", Condition(operator=Operator.EQUALS, ignore_case=True)),
        ("DoesNotEqual", Condition(operator=Operator.EQUALS, negated=True)),
        ("StartsWith", Condition(operator=Operator.STARTS_WITH)),
        ("DoesNotStartWith", Condition(operator=Operator.STARTS_WITH, negated=True)),
        ("IContains", Condition(operator=Operator.CONTAINS, ignore_case=True)),
        ("IsGreaterThanOrEqualTo", Condition(operator=Operator.AT_LEAST)),
        (
            "IsGreaterThanOrEqualsTo",
            Condition(operator=Operator.AT_LEAST),
        ),  # Panther spells it in several ways
        ("IsLessThan", Condition(operator=Operator.LESS)),
        ("IsNotIn", Condition(operator=Operator.IS_IN, negated=True)),
        ("IsIPAddressPublic", Condition(operator=Operator.IS_PUBLIC_IP)),
        ("IsNullOrEmpty", Condition(operator=Operator.IS_NULL_OR_EMPTY)),
        ("DoesNotExist", Condition(operator=Operator.EXISTS, negated=True)),
    ],
)
def test_a_condition_is_known_by_panthers_name(name, condition):
    assert CONDITIONS[name] == condition


def test_conditions_beside_each_other_all_have_to_hold(detect):
    found = detect("- {Key: a.b, Condition: Equals, Value: 1}", "- {DeepKey: [a, b], Condition: Exists}")

    assert found.quantifier is Quantifier.ALL
    assert [(one.target, one.condition.operator, one.value) for one in found.members] == [
        (KeyTarget(steps=("a.b",)), Operator.EQUALS, 1),
        (KeyTarget(steps=("a", "b")), Operator.EXISTS, None),
    ]


def test_each_condition_knows_its_place(detect):
    found = detect("- {Key: a, Condition: Exists}", "- {Key: b, Condition: Exists}")

    assert [str(one.location) for one in found.members] == ["rule.yml:7:5", "rule.yml:8:5"]


@pytest.mark.parametrize("quantifier", Quantifier)
def test_combinators_may_stand_within_each_other(detect, quantifier):
    found = detect(f"- {quantifier}:", "    - Any: [{Key: a, Condition: Exists}]")

    (outer,) = found.members
    (inner,) = outer.members
    assert isinstance(inner, Combination)
    assert (outer.quantifier, inner.quantifier) == (quantifier, Quantifier.ANY)


def test_within_a_list_a_condition_may_look_at_the_element_itself(detect):
    found = detect(
        "- KeyPath: a.b", "  Condition: NoElement", "  Expressions: [{Condition: Equals, Value: x}]"
    )

    (one,) = found.members
    assert isinstance(one, ListComparison)
    assert (one.target, one.quantifier) == (KeyTarget(steps=("a", "b")), Quantifier.NONE)
    assert one.expression.members[0].target == KeyTarget(steps=())


def test_two_keys_are_compared_with_each_other(detect):
    found = detect("- {Condition: DoesNotEqual, Values: [{Key: a}, {KeyPath: b.c}]}")

    (one,) = found.members
    assert isinstance(one, KeyComparison)
    assert (one.left, one.right) == (KeyTarget(steps=("a",)), KeyTarget(steps=("b", "c")))


def test_enrichment_names_a_table_a_selector_and_a_field(detect):
    found = detect(
        "- Enrichment: {Table: t, Selector: s, FieldPath: a.b}", "  Condition: IsIn", "  Values: [1, x]"
    )

    (one,) = found.members
    assert isinstance(one, Comparison)
    assert one.target == EnrichmentTarget(table="t", selector="s", field_path=("a", "b"))
    assert one.value == (1, "x")
