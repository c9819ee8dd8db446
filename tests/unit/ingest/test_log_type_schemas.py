import pyarrow as pa
import pytest

from runner.errors import IngestError
from runner.ingest import schema


def test_the_schemas_of_well_known_log_types_come_with_the_program():
    assert schema.provided() == ("AWS.CloudTrail", "AWS.VPCDns", "AWS.VPCFlow", "Okta.SystemLog")


@pytest.mark.parametrize("log_type", schema.provided())
def test_a_provided_schema_says_what_it_is_and_where_its_event_time_is(log_type):
    found = schema.find(log_type)

    assert found is not None
    assert found.description
    assert found.reference.startswith("https://")
    assert len(found.event_times) == 1


def test_a_log_type_is_found_whatever_its_case_and_an_unknown_one_is_none():
    assert schema.find("aws.cloudtrail") == schema.find("AWS.CloudTrail")
    assert schema.find("Custom.Thing") is None


def test_fields_become_columns_of_the_lake():
    text = """
        schema: Custom.Thing
        fields:
          - {name: at, type: timestamp, isEventTime: true}
          - {name: count, type: int}
          - {name: raw, type: json}
          - name: hosts
            type: array
            element:
              type: object
              fields:
                - {name: address, type: string, indicators: [ip]}
    """

    found = schema.parse(text, source="thing.yml")

    assert found.columns == pa.struct(
        [
            ("at", pa.timestamp("us")),
            ("count", pa.int64()),
            ("raw", pa.json_()),
            ("hosts", pa.list_(pa.struct([("address", pa.string())]))),
        ]
    )
    assert found.event_times == (("at",),)
    assert found.indicators == (schema.IndicatorSource(path=("hosts", "address"), scanner="ip"),)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ("[{name: a, type: strng}]", "field a: unknown type 'strng'; did you mean 'string'?"),
        (
            "[{name: a, type: string, isevent: 1}]",
            "field a: unknown key 'isevent'; did you mean 'isEventTime'?",
        ),
        (
            "[{name: a, type: string, indicators: [ipp]}]",
            "field a: unknown indicator 'ipp'; did you mean 'ip'?",
        ),
        ("[{name: a, type: int, indicators: [ip]}]", "field a: only a string can have indicators"),
        ("[{name: a, type: string, isEventTime: true}]", "field a: an event time must be a timestamp"),
        ("[{name: a, type: object}]", "field a: fields must be a list with at least one field"),
        ("[{name: a, type: array}]", "field a: an array needs an element with a type"),
        ("[{name: p_row_id, type: string}]", "field p_row_id: names that begin with p_ are the lake's own"),
        ("[{name: a, type: int}, {name: A, type: int}]", "the schema: the field 'A' is there twice"),
        ("[{type: int}]", "the schema: name must be a text, not None"),
        ("[a]", "the schema: 'a' is not a field: a mapping with name and type"),
        ("[]", "the schema: fields must be a list with at least one field"),
    ],
)
def test_a_fault_in_a_schema_is_named(fields, fault):
    with pytest.raises(IngestError) as caught:
        schema.parse(f"schema: X\nfields: {fields}", source="x.yml")

    assert f"x.yml: {fault}" in str(caught.value).splitlines()


def test_all_faults_of_a_schema_are_told_at_once():
    with pytest.raises(IngestError) as caught:
        schema.parse("schema: X\nfields: [{name: a, type: b}, {name: c, type: d}]", source="x.yml")

    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("text", ["[1]", "a: [", ""])
def test_what_is_no_schema_at_all_is_refused(text):
    with pytest.raises(IngestError, match=r"^x\.yml: "):
        schema.parse(text, source="x.yml")


def test_a_schema_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(IngestError, match=r"gone\.yml: cannot be read"):
        schema.read(tmp_path / "gone.yml")


def test_a_schema_of_ones_own_is_found_by_its_log_type(tmp_path):
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps" / "a.yml").write_text("schema: My.App\nfields: [{name: n, type: int}]\n")
    (tmp_path / "other.yml").write_text("schema: Other.App\nparser: {fastmatch: {}}\n")
    (tmp_path / "broken.yml").write_text("schema: [\n")

    found = schema.find_in(tmp_path, "my.app")

    assert found is not None
    assert (found.log_type, found.columns.names) == ("My.App", ["n"])
    assert schema.find_in(tmp_path, "Third.App") is None
    assert schema.find_in(tmp_path / "absent", "My.App") is None


def test_a_faulty_schema_of_ones_own_is_told(tmp_path):
    (tmp_path / "my_app.yml").write_text("fields: [{name: n, type: int}]\n")

    with pytest.raises(IngestError, match=r"my_app\.yml: the schema: schema must be a text"):
        schema.find_in(tmp_path, "My.App")


def test_two_schemas_for_one_log_type_are_refused(tmp_path):
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text("schema: My.App\nfields: [{name: n, type: int}]\n")

    with pytest.raises(IngestError, match=r"two schemas for My\.App: .*a\.yml and .*b\.yml"):
        schema.find_in(tmp_path, "My.App")
