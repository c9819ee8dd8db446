"""Raw logs → the lake: `ingest_files` and `ingest_records` take them in, and report what became of them."""

from runner.ingest.intake import ingest_files, ingest_records
from runner.ingest.report import FileReport, IngestReport, Progress

__all__ = ["FileReport", "IngestReport", "Progress", "ingest_files", "ingest_records"]
