"""The keys of policies, and of their tests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from runner.definitions.keys import ITEMS, DetectionKeys, Keys, MockKeys, Texts


class PolicyTestKeys(Keys):
    """One test of a policy."""

    name: str
    expected_result: bool
    resource: Any
    resource_type: Any = None
    mocks: Annotated[tuple[MockKeys, ...], ITEMS] = ()
    expected_destinations: Texts = ()


class PolicyKeys(DetectionKeys):
    """The keys of a policy."""

    analysis_type: Literal["policy"]
    policy_id: str = Field(alias="PolicyID")
    enabled: bool
    severity: str
    filename: str
    resource_types: Texts = ()
    suppressions: Texts = ()
    action_delay_seconds: int = 0
    alert_format: str = ""
    auto_remediation_id: str = Field(default="", alias="AutoRemediationID")
    auto_remediation_parameters: Any = None
    tests: Annotated[tuple[PolicyTestKeys, ...], ITEMS] = ()
