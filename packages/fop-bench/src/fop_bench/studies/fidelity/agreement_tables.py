"""Agreement of the recordings' own nets with what they did, as a table: a row for each map."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from fop_envs.smac.maps import map_names

from .captioned_tables import CaptionedTable, percent
from .fidelity_records import AgreementPlays, Record
from .measurement_plan import EPSILON
from .medians import short

BANDS = ((0, 4), (4, 8), (8, 16), (16, 32), (32, 1000))
"""Steps that the table takes together."""


def agreement_tables(records: Iterable[Record]) -> list[CaptionedTable]:
    """A row for each map; nothing without records."""
    found = [record for record in records if isinstance(record, AgreementPlays)]
    if not found:
        return []
    bands = [f"{first + 1}-{last}" if last < BANDS[-1][1] else f"{first + 1} on" for first, last in BANDS]
    rows = [["map", "episodes", "decisions", *(f"steps {band} %" for band in bands), "all %", "filter %"]]
    rows[0] += ["evidence", "per decision"]
    for name in map_names():
        plays = [record for record in found if record.map == name]
        if not plays:
            continue
        decisions = sum(sum(record.decisions) for record in plays)
        evidence = math.fsum(record.evidence for record in plays)
        rows.append(
            [
                name,
                str(len(plays)),
                str(decisions),
                *(_share(plays, first, last) for first, last in BANDS),
                _share(plays, 0, BANDS[-1][1]),
                percent(sum(record.filtered for record in plays) / max(1, decisions)),
                f"{evidence:.0f}",
                short(evidence / max(1, decisions)),
            ]
        )
    episodes = math.fsum(record.evidence for record in found)
    caption = (
        f"Evidence of all {len(found)} episodes: {episodes:.0f}. Percent of the recorded decisions that the "
        "net which made them repeats on our battles, by step, in open-loop play (mean over "
        f"{found[0].particles} battles). Evidence: log-likelihood of all decisions, where another decision "
        f"has the chance {EPSILON}, by a particle filter of as many battles whose units are put in the "
        "recorded places; 0 is perfect. Filter: decisions repeated there. The order of enemy ids is the one "
        "under which most decisions are repeated."
    )
    return [CaptionedTable("Agreement: do the recordings' nets decide as recorded?", rows, caption)]


def _share(plays: Sequence[AgreementPlays], first: int, last: int) -> str:
    decisions = sum(sum(record.decisions[first:last]) for record in plays)
    agreed = math.fsum(math.fsum(record.agreed[first:last]) for record in plays)
    return percent(agreed / decisions) if decisions else "-"
