import pyarrow as pa
import pytest

from runner.ingest.fitted_records import Fitting, suffices
from runner.ingest.indicator_columns import IndicatorColumns
from runner.ingest.indicators import SCANNERS
from runner.ingest.schema import IndicatorSource

ROLE = "arn:aws:sts::111122223333:assumed-role/admin/alex"
INSTANCE = "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0"


@pytest.mark.parametrize(
    ("scanner", "value", "found"),
    [
        ("ip", "192.0.2.1", {("p_any_ip_addresses", "192.0.2.1")}),
        ("ip", "2001:DB8::1", {("p_any_ip_addresses", "2001:db8::1")}),
        ("ip", "AWS Internal", set()),
        ("ip", "", set()),
        ("hostname", "192.0.2.1", {("p_any_ip_addresses", "192.0.2.1")}),
        ("hostname", "s3.amazonaws.com", {("p_any_domain_names", "s3.amazonaws.com")}),
        ("hostname", "AWS Internal", set()),
        ("domain", "www.example.com.", {("p_any_domain_names", "www.example.com")}),
        ("domain", "_dmarc.example.com", {("p_any_domain_names", "_dmarc.example.com")}),
        ("domain", "localhost", set()),
        ("url", "https://alex@example.com:8443/x?y", {("p_any_domain_names", "example.com")}),
        ("url", "http://[2001:db8::1]/", {("p_any_ip_addresses", "2001:db8::1")}),
        ("url", "http://[broken", set()),
        ("net_addr", "192.0.2.1:443", {("p_any_ip_addresses", "192.0.2.1")}),
        ("net_addr", "2001:db8::1", {("p_any_ip_addresses", "2001:db8::1")}),
        ("email", "alex@example.com", {("p_any_emails", "alex@example.com"), ("p_any_usernames", "alex")}),
        ("email", "system", set()),
        ("username", "alex", {("p_any_usernames", "alex")}),
        ("username", " ", set()),
        ("aws_arn", ROLE, {("p_any_aws_arns", ROLE), ("p_any_aws_account_ids", "111122223333")}),
        (
            "aws_arn",
            INSTANCE,
            {
                ("p_any_aws_arns", INSTANCE),
                ("p_any_aws_account_ids", "111122223333"),
                ("p_any_aws_instance_ids", "i-0123456789abcdef0"),
            },
        ),
        ("aws_arn", "arn:aws:s3:::logs", {("p_any_aws_arns", "arn:aws:s3:::logs")}),
        ("aws_arn_only", ROLE, {("p_any_aws_arns", ROLE)}),
        ("aws_account_id", "111122223333", {("p_any_aws_account_ids", "111122223333")}),
        ("aws_account_id", "anonymous", set()),
        (
            "md5",
            "D41D8CD98F00B204E9800998ECF8427E",
            {("p_any_md5_hashes", "d41d8cd98f00b204e9800998ecf8427e")},
        ),
        ("md5", "d41d8", set()),
        ("sha1", "g" * 40, set()),
        ("mac", "00-1B-44-11-3A-B7", {("p_any_mac_addresses", "00:1b:44:11:3a:b7")}),
    ],
)
def test_a_scanner_finds_what_is_there(scanner, value, found):
    assert set(SCANNERS[scanner].scan(value)) == found


@pytest.mark.parametrize("scanner", SCANNERS)
def test_a_scanner_fills_only_the_columns_that_it_names(scanner):
    values = [
        "192.0.2.1",
        "example.com",
        "alex@example.com",
        ROLE,
        INSTANCE,
        "a" * 32,
        "a" * 40,
        "a" * 64,
        "x",
    ]

    filled = {column for value in values for column, _found in SCANNERS[scanner].scan(value)}

    assert filled <= set(SCANNERS[scanner].columns)


FIELDS = pa.struct(
    [
        ("src", pa.string()),
        ("dst", pa.string()),
        ("answers", pa.list_(pa.struct([("data", pa.string())]))),
        ("who", pa.struct([("name", pa.string())])),
        ("tags", pa.list_(pa.string())),
    ]
)


def columns(sources, records, fields=FIELDS):
    made = IndicatorColumns([IndicatorSource(path=path, scanner=scanner) for path, scanner in sources])
    whole = not all(suffices(fields, path, pa.string(), through_lists=True) for path, _scanner in sources)
    fitting = Fitting(fields, whole=whole)
    fitting.add(records)
    return dict(zip(made.names, (array.to_pylist() for array in made.arrays(fitting.finish())), strict=True))


def test_a_column_collects_from_all_its_fields_each_value_once_in_order():
    sources = [(("src",), "ip"), (("dst",), "ip"), (("owner",), "username")]
    records = [
        {"src": "192.0.2.9", "dst": "192.0.2.1"},
        {"src": "192.0.2.1", "dst": "192.0.2.1"},
        {"owner": "alex"},
    ]

    assert columns(sources, records) == {
        "p_any_ip_addresses": [["192.0.2.1", "192.0.2.9"], ["192.0.2.1"], None],
        "p_any_usernames": [None, None, ["alex"]],
    }


# the same, whatever the columns are: of the types that the schema says, of none, of others that a table had before
@pytest.mark.parametrize(
    "fields",
    [FIELDS, pa.struct([]), pa.struct([("answers", pa.string()), ("who", pa.json_()), ("tags", pa.json_())])],
    ids=["declared", "none", "others"],
)
def test_fields_inside_objects_and_lists_are_found(fields):
    sources = [(("answers", "data"), "ip"), (("who", "name"), "username"), (("tags",), "aws_tag")]
    records = [
        {
            "answers": [{"data": "192.0.2.1"}, {"data": None}, {}, "odd"],
            "who": {"name": "alex"},
            "tags": ["a", 5],
        },
        {"answers": "odd", "who": {"name": {"odd": 1}}, "tags": {}},
        {"who": "odd", "answers": []},
    ]

    assert columns(sources, records, fields) == {
        "p_any_ip_addresses": [["192.0.2.1"], None, None],
        "p_any_usernames": [["alex"], None, None],
        "p_any_aws_tags": [["a"], None, None],
    }
