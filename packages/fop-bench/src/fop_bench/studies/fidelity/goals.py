"""What the engine should reach on a map, and whether it does."""

from __future__ import annotations

import msgspec

from .comparison import Comparison
from .fidelity_records import Spawns
from .medians import short


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """One goal on one map."""

    name: str
    target: str
    value: str
    reached: bool | None


def goals_of(
    spawns: Spawns,
    recording: Comparison,
    floor: Comparison | None,
    winners: tuple[float, float, float] | None,
    survivors: tuple[float, float, float] | None,
) -> list[Goal]:
    def goal(name: str, target: str, value: str, reached: bool | None) -> Goal:
        return Goal(name=name, target=target, value=value, reached=reached)

    def below(name: str, target: str, measured: float, most: float, n: int) -> Goal:
        return goal(name, target, short(measured), measured <= most if n else None)

    goals = [
        goal(
            "spawn places",
            "all",
            f"{spawns.cells_agree}/{spawns.cells} cells, {spawns.exact_agree}/{spawns.exact} exact",
            spawns.cells_agree == spawns.cells and spawns.exact_agree == spawns.exact,
        ),
        below(
            "agents, first 40 loops (90th percentile)",
            "0.02 cells",
            recording.allies_free.p90,
            0.02,
            recording.allies_free.n,
        ),
        below(
            "agents until the first attack (median)",
            "0.25 cells",
            recording.allies_until_attack.median,
            0.25,
            recording.allies_until_attack.n,
        ),
        below(
            "enemies at their first order (median)",
            "0.25 cells",
            recording.enemies_first.median,
            0.25,
            recording.enemies_first.n,
        ),
        below("first kill (median)", "8 loops", recording.first_kill.median, 8, recording.first_kill.n),
        below("all deaths (median)", "10 %", recording.deaths.median, 0.1, recording.deaths.n),
    ]
    for name, gap in (("same winner", winners), ("same survivors", survivors)):
        target = "within 5 points of the noise floor"
        if gap is None:
            goals.append(goal(name, target, "no noise floor", None))
        else:
            goals.append(goal(name, target, f"{100 * gap[0]:+.0f} points", abs(gap[0]) <= 0.05))
    pile = recording.quantiles.pile
    own = f" (noise floor: {floor.quantiles.pile or 'spread'})" if floor else ""
    goals.append(goal("quantiles", "not piled up", (pile or "spread") + own, not pile))
    return goals
