"""What the parts of the study have in common."""

import msgspec

from fop_bench.studies.fidelity.all_parts import PARTS
from fop_bench.studies.fidelity.fidelity_command import PARTS as COMMANDS
from fop_bench.studies.fidelity.measurement_plan import MeasurementPlan


def test_every_part_has_a_command_and_a_file_of_its_own() -> None:
    names = [part.name for part in PARTS]
    assert len(set(names)) == len({part.file for part in PARTS}) == len(PARTS)
    assert set(COMMANDS) - set(names) == {"all", "decode", "page"}
    assert set(names) <= set(COMMANDS)


def test_plans_of_older_runs_are_read() -> None:
    older = {
        "suite": "fidelity-heuristic",
        "recordings": {},
        "episodes": None,
        "seeds": 0,
        "floors": 0,
        "policy_maps": ["3m"],
        "policy_episodes": 30,
        "rest": [False],
        "sensitivity": False,
        "settings": {},
        "forced": None,
        "until": None,
    }
    plan = msgspec.convert(older, MeasurementPlan)
    assert plan == MeasurementPlan(
        suite="fidelity-heuristic", policy_maps=["3m"], policy_episodes=30, rest=[False], settings={}
    )
