import pytest

from runner.definitions.severity import Severity


def test_severities_compare_by_how_bad_they_are_and_not_by_the_alphabet():
    assert sorted(Severity, reverse=True) == ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"]
    assert Severity.CRITICAL > Severity.HIGH >= Severity.HIGH
    assert Severity.INFO < Severity.LOW <= Severity.LOW


@pytest.mark.parametrize("text", ["High", "HIGH", "high", "hIgH"])
def test_a_severity_is_read_in_any_case(text):
    assert Severity.parse(text) is Severity.HIGH


@pytest.mark.parametrize("text", ["", "HIGH ", "Severe"])
def test_another_word_is_no_severity(text):
    with pytest.raises(ValueError, match="not a valid Severity"):
        Severity.parse(text)
