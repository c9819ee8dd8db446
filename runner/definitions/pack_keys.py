"""The keys of packs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from runner.definitions.keys import Keys, Texts


class PackDefinitionKeys(Keys):
    """What is in a pack."""

    ids: Texts = Field(alias="IDs")


class PackKeys(Keys):
    """The keys of a pack."""

    analysis_type: Literal["pack"]
    pack_id: str = Field(alias="PackID")
    pack_definition: PackDefinitionKeys
    display_name: str = ""
    description: str = ""
    tags: Texts = ()
    base_version: int = 0
