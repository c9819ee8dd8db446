"""Options that several commands share, and what is made of them."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner import settings
from runner.references import Mask

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.definitions.location import Location
    from runner.settings import Settings

    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

project_option = click.option(
    "--project",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The project folder. Default: the nearest folder upward that has a runner.toml, else this one.",
)
lake_option = click.option("--lake", help="The folder of the data lake (setting lake.location).")
state_option = click.option("--state", help="The state database: a file or a URL (setting state.url).")


def format_option(*formats: str) -> Decorator:
    """Return the option that chooses how output is written; the first format is the default."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="For people, or for machines.",
    )


def load_settings(project: Path | None, **flags: str | None) -> Settings:
    """Put the settings together for the project folder; flags are by option name, dots written as `__`.

    Raises `SettingsError`.
    """
    root = project.resolve() if project else settings.find_root(Path.cwd())
    found = settings.load(root, os.environ, {name.replace("__", "."): value for name, value in flags.items()})
    mask().add(found.secrets)
    if found.destinations:
        from runner.destinations.secrecy import secrets_of  # noqa: PLC0415  it takes a while, and most need it not

        mask().add(secrets_of(found.destinations.values()))
    return found


def mask() -> Mask:
    """Return what keeps the secrets of this call of the program out of what it shows."""
    context = click.get_current_context(silent=True)
    return (context and context.find_object(Mask)) or Mask()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """A part of a project that is looked at: a folder within it, or all of it."""

    settings: Settings
    folder: Path
    """Absolute; of a single file, the file."""

    @property
    def is_whole(self) -> bool:
        """Whether the whole project is looked at."""
        return self.folder == self.settings.root

    @property
    def folders(self) -> tuple[str, ...]:
        """Where definitions are looked for, as patterns: where the project says, and anywhere in a part of it."""
        patterns = self.settings.definition_folders
        if self.is_whole or not patterns:
            return patterns
        folder = self.folder if self.folder.is_dir() else self.folder.parent
        own = f"./{folder.relative_to(self.settings.root).as_posix()}"
        return (*patterns, escape(own), f"{escape(own)}/*")

    @property
    def exclude(self) -> tuple[str, ...]:
        """The folders in which no definitions are looked for, but for one that is looked at itself."""
        root = self.settings.root
        return tuple(
            name for name in self.settings.not_definitions if not self.folder.is_relative_to(root / name)
        )

    def holds(self, location: Location) -> bool:
        """Tell whether a place in the project's files lies in the folder; of a whole project, every place does.

        So a fault in a file that a definition names outside the project is told too.
        """
        return self.is_whole or (self.settings.root / location.path).resolve().is_relative_to(self.folder)

    def holder(self) -> Callable[[str], bool]:
        """Return what tells as `holds` does, by a file's path relative to the project, for thousands of files.

        Folders are asked once where they really lie, so it is to be used up before anybody moves them.
        """
        root, asked = os.fspath(self.settings.root), os.fspath(self.folder)
        real = functools.cache(os.path.realpath)

        def lies_within(path: str) -> bool:
            folder, name = os.path.split(f"{root}/{path}")
            found = f"{real(folder)}/{name}"
            if os.path.islink(found):  # noqa: PTH114  a Path would cost more than the answer
                found = os.path.realpath(found)
            return f"{found}/".startswith(f"{asked}/")

        return lies_within


_SHARED = ("global_helpers", "data_models")
"""Folders of what detections ask for, wherever in the project they lie."""


def find_scope(path: Path | None, *, apart: bool = True, **flags: str | None) -> Scope:
    """Return the project that a folder or file (default: the current folder) belongs to, and what of it is looked at.

    Without a `runner.toml` it is the nearest folder upward that has global helpers or data models, as Panther's tool
    looks for them. A folder in which the project looks for no definitions is a project of its own, if it is taken
    `apart`. Raises `SettingsError`.
    """
    folder = path.resolve() if path else settings.find_root(Path.cwd())
    around = folder.parent if folder.is_file() else folder
    found = load_settings(_project_around(around), **flags)
    if not apart:
        return Scope(settings=found, folder=folder)
    excluded = [found.root / name for name in found["definitions.exclude"]]
    if any(folder.is_relative_to(other) for other in excluded):
        found = load_settings(around, **flags)
    return Scope(settings=found, folder=folder)


def _project_around(folder: Path) -> Path:
    root = settings.find_root(folder)
    if (root / settings.FILE_NAME).is_file():
        return root
    nearest = (one for one in (folder, *folder.parents) if any((one / name).is_dir() for name in _SHARED))
    return next(nearest, root)


class Moment(click.ParamType[datetime]):
    """A moment such as 2026-01-15T09:30:00Z; without an offset it is UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read ISO 8601 text as an aware moment in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time: write it as 2026-01-15T09:30:00Z", param, ctx)


def written(moment: datetime) -> str:
    """Write a moment as people and machines both read it: 2026-01-15T09:30:00Z."""
    text = moment.astimezone(UTC).isoformat(timespec="seconds" if not moment.microsecond else "auto")
    return text.replace("+00:00", "Z")
