"""The keys of data models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from runner.definitions.keys import ITEMS, Keys, Texts


class MappingKeys(Keys):
    """One unified name of a data model: exactly one of `Path` and `Method` says what it stands for."""

    name: str
    path: str = ""
    method: str = ""


class DataModelKeys(Keys):
    """The keys of a data model."""

    analysis_type: Literal["datamodel"]
    data_model_id: str = Field(alias="DataModelID")
    enabled: bool
    log_types: Texts
    mappings: Annotated[tuple[MappingKeys, ...], ITEMS]
    display_name: str = ""
    filename: str = ""
    description: str = ""
    tags: Texts = ()
    base_version: int = 0
