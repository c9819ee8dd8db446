"""Where files lie that are in no folder of this machine: buckets of an S3-compatible object store."""

from runner.storage.object_path import ObjectPath, let_read
from runner.storage.object_store import SCHEME, ObjectStore

__all__ = ["SCHEME", "ObjectPath", "ObjectStore", "let_read"]
