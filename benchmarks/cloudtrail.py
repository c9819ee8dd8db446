"""CloudTrail-like rows for the benchmark: nested, wide, and with a known share that the six rules match."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

ROWS_PER_FILE: Final = 250_000
DATABASE: Final = "panther_logs"
_VERSION: Final = "3"
"""Rises with a change of the rows: what older versions left in the cache is made anew."""

_MACROS: Final = (
    "CREATE MACRO draw(i, salt, n) AS (hash(i, salt) % n)::INTEGER",
    "CREATE MACRO uuid_of(hex) AS concat_ws('-', hex[1:8], hex[9:12], hex[13:16], hex[17:20], hex[21:32])",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTable:
    """A table of the benchmark's lake.

    `match_share`, from 0 to 1, is the share of its rows that match: each of those matches exactly one rule.
    """

    name: str
    rows: int
    match_share: float

    @property
    def stamp(self) -> str:
        """What the table was made of: a cached table with another stamp is made anew."""
        return f"{_VERSION} {self.rows} {self.match_share}"


def make_table(lake: Path, table: RowTable) -> None:
    """Write a table's Parquet files, unless they are in the lake already."""
    folder = lake / DATABASE / f"cloudtrail_{table.name}"
    stamp = folder / ".made-of"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == table.stamp:
        return
    shutil.rmtree(folder, ignore_errors=True)
    part = folder / "p_date=2026-01-15"
    part.mkdir(parents=True)
    with duckdb.connect() as connection:
        for macro in _MACROS:
            connection.execute(macro)
        for start in range(0, table.rows, ROWS_PER_FILE):
            end = min(start + ROWS_PER_FILE, table.rows)
            file = part / f"{start:09}.parquet"
            connection.execute(
                f"COPY ({_rows(table, start, end)}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)"
            )
    stamp.write_text(table.stamp, encoding="utf-8")


def _rows(table: RowTable, start: int, end: int) -> str:
    """Return the SELECT of some rows: every value is drawn by the row's number, so a table is always the same.

    `kind` is the rule that a row is made for, from 0 to 5, and -1 for the rows that match none.
    """
    planted = f"draw(i, 0, 1000000) < {round(table.match_share * 1_000_000)}"
    return f"""
WITH numbers AS (SELECT range AS i FROM range({start}, {end})),
drawn AS (
  SELECT i,
    CASE WHEN {planted} THEN i % 6 ELSE -1 END AS kind,
    draw(i, 1, 2000) AS person,
    draw(i, 1, 2000) % 12 AS account,
    draw(i, 3, 100) AS percent,
    draw(i, 4, 40) AS call,
    '10.' || draw(i, 5, 250) || '.' || draw(i, 6, 250) || '.' || draw(i, 7, 250) AS address,
    TIMESTAMP '2026-01-15' + to_milliseconds(i * 86400000 // {table.rows}) AS moment
  FROM numbers
),
named AS (
  SELECT *,
    '1234567890' || (10 + account) AS account_id,
    md5(i::VARCHAR) AS hex,
    'person-' || person AS user_name,
    CASE WHEN kind = 1 THEN 'Root' WHEN percent < 70 THEN 'AssumedRole' ELSE 'IAMUser' END AS user_type
  FROM drawn
),
known AS (
  SELECT *, 'arn:aws:sts::' || account_id || ':assumed-role/team-' || person % 40 || '/' || user_name AS arn FROM named
)
SELECT
  '1.08' AS eventVersion,
  {{'type': user_type, 'principalId': 'AROA' || upper(hex[1:16]) || ':' || user_name, 'arn': arn,
    'accountId': account_id, 'accessKeyId': 'ASIA' || upper(hex[1:16]),
    'userName': CASE WHEN user_type = 'IAMUser' THEN user_name END,
    'sessionContext': {{
      'sessionIssuer': {{'type': 'Role', 'principalId': 'AROA' || upper(hex[17:32]),
        'arn': 'arn:aws:iam::' || account_id || ':role/team-' || person % 40,
        'accountId': account_id, 'userName': 'team-' || person % 40}},
      'attributes': {{'creationDate': strftime(moment, '%Y-%m-%dT%H:%M:%SZ'),
        'mfaAuthenticated': CASE WHEN kind = 1 OR percent % 2 = 0 THEN 'false' ELSE 'true' END}}}}
  }} AS userIdentity,
  moment AS eventTime,
  ['ec2', 's3', 'iam', 'sts', 'kms', 'lambda', 'logs', 'dynamodb'][1 + call % 8] || '.amazonaws.com' AS eventSource,
  CASE WHEN kind = 0 THEN ['StopLogging', 'DeleteTrail', 'UpdateTrail'][1 + percent % 3]
    ELSE ['Get', 'List', 'Describe', 'Put', 'Create'][1 + call % 5]
      || ['Object', 'Role', 'Instances', 'Key', 'Function', 'Table', 'LogEvents', 'Policy'][1 + call % 8] END AS eventName,
  CASE WHEN kind = 4 THEN ['ap-northeast-3', 'sa-east-1', 'af-south-1'][1 + percent % 3]
    ELSE ['eu-central-1', 'eu-west-1', 'us-east-1', 'us-west-2'][1 + account % 4] END AS awsRegion,
  address AS sourceIPAddress,
  CASE WHEN kind = 2 THEN 'Pacu/1.' || percent % 9 || ' Boto3/1.34 Python/3.11 Linux/6.1'
    ELSE ['aws-cli/2.15.30 Python/3.11.8 Linux/6.1 exe/x86_64', 'Boto3/1.34.69 md/Botocore#1.34.69 ua/2.0 os/linux',
          'aws-sdk-go/1.51.6 (go1.22.1; linux; amd64)', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
          'APN/1.0 HashiCorp/1.0 Terraform/1.7.5'][1 + person % 5] END AS userAgent,
  CASE WHEN kind = 5 THEN ['AccessDenied', 'Client.UnauthorizedOperation'][1 + percent % 2]
    WHEN kind = -1 AND percent = 7 THEN 'ThrottlingException' END AS errorCode,
  CASE WHEN kind = 5 THEN 'User: ' || arn || ' is not authorized to perform this action' END AS errorMessage,
  json_object('roleArn', 'arn:aws:iam::' || account_id || ':role/team-' || person % 40, 'durationSeconds', 3600,
    'roleSessionName', user_name, 'bucketName', 'bucket-' || person % 300, 'key', 'data/' || hex || '.json',
    'tags', json_array(json_object('key', 'team', 'value', 'team-' || person % 40)),
    'policyDocument', CASE
      WHEN kind = 3 THEN '{{"Statement":[{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}}]}}'
      WHEN call = 3 THEN '{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"' || account_id || '"}},"Action":"s3:Get*"}}]}}'
    END) AS requestParameters,
  CASE WHEN call % 5 > 2 THEN json_object('requestId', hex, 'result', json_object('state', 'pending', 'code', 0),
    'items', json_array(percent, call, account)) END AS responseElements,
  json_object('SignatureVersion', 'SigV4', 'CipherSuite', 'TLS_AES_128_GCM_SHA256', 'bytesTransferredOut', percent * 1024,
    'AuthenticationMethod', 'AuthHeader') AS additionalEventData,
  hex[1:8] || '-' || hex[9:12] AS requestID,
  uuid_of(hex) AS eventID,
  kind <> 5 AND call % 5 < 3 AS readOnly,
  [{{'ARN': 'arn:aws:s3:::bucket-' || person % 300 || '/data/' || hex, 'accountId': NULL::VARCHAR, 'type': 'AWS::S3::Object'}},
   {{'ARN': 'arn:aws:s3:::bucket-' || person % 300, 'accountId': account_id, 'type': 'AWS::S3::Bucket'}}] AS resources,
  'AwsApiCall' AS eventType,
  NULL::VARCHAR AS apiVersion,
  true AS managementEvent,
  account_id AS recipientAccountId,
  NULL::JSON AS serviceEventDetails,
  CASE WHEN percent < 5 THEN uuid_of(md5(hex)) END AS sharedEventID,
  CASE WHEN percent < 20 THEN 'vpce-' || hex[1:17] END AS vpcEndpointId,
  'Management' AS eventCategory,
  CASE WHEN percent < 3 THEN 'true' END AS sessionCredentialFromConsole,
  {{'tlsVersion': 'TLSv1.3', 'cipherSuite': 'TLS_AES_128_GCM_SHA256',
    'clientProvidedHostHeader': 'api.' || account % 4 || '.amazonaws.com'}} AS tlsDetails,
  moment AS p_event_time,
  'AWS.CloudTrail' AS p_log_type,
  hex AS p_row_id,
  moment + INTERVAL 3 MINUTE AS p_parse_time,
  0 AS p_schema_version,
  'a6b0c2f4-0000-4000-8000-000000000001' AS p_source_id,
  'organization trail' AS p_source_label,
  [address] AS p_any_ip_addresses,
  [arn, 'arn:aws:iam::' || account_id || ':role/team-' || person % 40] AS p_any_aws_arns,
  [account_id] AS p_any_aws_account_ids,
  [user_name] AS p_any_usernames,
  [hex[1:8] || '-' || hex[9:12], uuid_of(hex)] AS p_any_trace_ids
FROM known
"""  # noqa: S608  numbers of our own
