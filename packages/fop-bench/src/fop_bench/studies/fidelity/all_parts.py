"""The parts of the study, in the order in which they are measured and shown."""

from __future__ import annotations

from .agreement import AgreementPart
from .forced_playback import ForcedPlaybackPart
from .health_playback import HealthPart
from .heuristic_policy import HeuristicPart
from .replay_blocks import ReplaysPart
from .sensitivity import SensitivityPart
from .study_part import StudyPart
from .transfer import TransferPart

PARTS: tuple[type[StudyPart], ...] = (
    ReplaysPart,
    HeuristicPart,
    SensitivityPart,
    ForcedPlaybackPart,
    HealthPart,
    AgreementPart,
    TransferPart,
)
