import re

from runner.definitions.codes import Code


def test_every_code_has_a_title_a_meaning_and_a_remedy():
    incomplete = [
        code for code in Code if not (code.title and code.meaning.endswith(".") and code.remedy.endswith("."))
    ]

    assert incomplete == []


def test_codes_are_a_letter_and_three_digits_and_rise_in_the_table():
    codes = [str(code) for code in Code]

    assert all(re.fullmatch(r"[EW]\d{3}", code) for code in codes)
    assert codes == sorted(codes)


def test_a_title_is_the_name_in_words():
    assert Code.UNKNOWN_KEY.title == "unknown-key"
