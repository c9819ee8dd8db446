"""The data models of the repository find what they name in the logs of the sample lake."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.definitions.catalogue import read_catalogue
from runner.detections.content import Content, ContentSources
from runner.detections.event import Event
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.definitions.catalogue import Catalogue

ROOT = Path(__file__).parents[2]
MODELS = {
    "AWS.CloudTrail": "aws_cloudtrail",
    "AWS.VPCDns": "aws_vpcdns",
    "AWS.VPCFlow": "aws_vpcflow",
    "Okta.SystemLog": "okta_systemlog",
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue(ROOT, exclude=("tests", "benchmarks", "build", "docs", "runner"))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    limits = EngineLimits(memory=512 * 1024**2, spill=tmp_path_factory.mktemp("spill"), threads=1)
    engine = DuckDBEngine(ROOT / "datalake", limits)
    yield engine
    engine.close()


def rows_of(engine: DuckDBEngine, table: str) -> list[dict[str, Any]]:
    at = datetime(2026, 1, 15, tzinfo=UTC)
    compiled = engine.compile(f"SELECT * FROM panther_logs.public.{table}", dialect="duckdb", reference=at)
    batches = engine.run(compiled, engine.snapshot(compiled, at), at)
    return [batch.row(n) for batch in batches for n in range(len(batch))]


def test_every_log_type_of_the_sample_lake_has_a_data_model(catalogue):
    found = {log_type for log_type in MODELS if catalogue.data_model_for(log_type)}

    assert found == set(MODELS)


@pytest.mark.parametrize("log_type", MODELS)
def test_every_mapping_finds_something_in_the_sample_lake(log_type, catalogue, engine):
    model = catalogue.data_model_for(log_type)
    loaded = Content(ContentSources.of(catalogue)).data_model(log_type)
    rows = rows_of(engine, MODELS[log_type])

    found = {
        mapping.name
        for mapping in model.mappings
        if any(Event(row, loaded).udm(mapping.name) not in (None, "") for row in rows)
    }

    assert found == {mapping.name for mapping in model.mappings}
