"""What a part of the study is: all that the command needs to measure it, go on with it and show it."""

from __future__ import annotations

import argparse
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

from fop_bench.jobs.blocks import Tell

from .captioned_tables import CaptionedTable
from .engine_options import Options
from .fidelity_records import Record
from .map_summary import MapSummary, summarise
from .measurement_plan import MeasurementPlan
from .recordings import GivenRecordings


class Measurement(Protocol):
    """A block: what is measured in one go. It travels to another process and gives its records."""

    @property
    def key(self) -> Hashable:
        """What tells it from the other blocks of its part."""
        ...

    def __call__(self, tell: Tell) -> list[Record]: ...


def untold(fraction: float, phase: str = "") -> None:
    """Takes the place of `Tell` where nobody listens."""


@dataclass(frozen=True)
class Found:
    """What a folder has: the records of each part, by its name."""

    records: Mapping[str, list[Record]]

    @cached_property
    def maps(self) -> dict[str, MapSummary]:
        """The replays' summary of each map."""
        return summarise(self.records["replays"])


class StudyPart(ABC):
    """A part of the study as a command line asks for it; the constructor reads what it needs.

    Attributes:
        name: the subcommand's.
        file: of its records.
        what: a word for its blocks, in the plural.
        in_all: does `fop-bench fidelity` without a part measure it?
    """

    name: ClassVar[str]
    file: ClassVar[str]
    what: ClassVar[str]
    in_all: ClassVar[bool] = False

    @abstractmethod
    def __init__(self, args: argparse.Namespace, given: GivenRecordings) -> None:
        """
        Args:
            args: the command line.
            given: the recordings that it names; they are read when a part asks for them.

        Raises:
            FopError: what the part needs isn't there or is damaged.
        """

    @classmethod
    def lacks(cls, args: argparse.Namespace) -> str | None:
        """In `all`: what is missing, for the user; the part is left out then."""
        return None

    @abstractmethod
    def plan(self) -> dict[str, Any]:
        """Its fields of `MeasurementPlan`."""

    @abstractmethod
    def blocks(self, plan: MeasurementPlan, chosen: Options) -> Sequence[Measurement]:
        """All blocks. `chosen`: options of the engine that depart from their defaults."""

    @abstractmethod
    def done(self, records: Sequence[Record], plan: MeasurementPlan) -> set[Hashable]:
        """Keys of the blocks on record."""

    @abstractmethod
    def banner(self, plan: MeasurementPlan) -> dict[str, str]:
        """Lines on what is measured, by their first word."""

    def sizes(self, blocks: Sequence[Measurement]) -> list[float] | None:
        """The work in each block, in any unit; None where all are alike."""
        return None

    def export(self, found: Found) -> list[Path]:
        """Writes what the command line asks for beside the folder; returns the paths."""
        return []

    @classmethod
    @abstractmethod
    def tables(cls, found: Found) -> list[CaptionedTable]:
        """What the records say; nothing without records."""

    @classmethod
    def draw(cls, found: Found, folder: Path, suffixes: Sequence[str]) -> list[Path]:
        """Draws its figures into a folder; returns the paths."""
        return []

    @classmethod
    def summary(cls, found: Found) -> dict[str, Any]:
        """Its entries of `summary.json`."""
        return {}

    @classmethod
    def last_line(cls, found: Found) -> str | None:
        """Said after everything else."""
        return None
