"""What the FOP paper states, as far as it could be read: its appendix. Nothing here was measured by us.

Source: Zhang et al., "FOP: Factorizing Optimal Joint Policy of Maximum-Entropy Multi-Agent Reinforcement
Learning", ICML 2021. Sections A to D are the appendix. Its main text could not be had, so Tables 1 and 2 and
Figures 1 to 4 are known only through what the appendix says about them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Claim:
    """What a table or a figure of the paper says.

    Attributes:
        name: as the paper calls it.
        text: in one sentence.
        section: of the appendix, where it says so; empty where the paper doesn't ask.
        unread: what could not be read; empty where all could.
    """

    name: str
    text: str
    section: str
    unread: str = ""


CLAIMS = {
    "table1": Claim(
        "Table 1",
        "In the matrix game FOP finds the optimum; FacMADDPG and DOP end in the sub-optimum.",
        "D.1",
        "the table itself (none of its numbers is known)",
    ),
    "table2": Claim(
        "Table 2",
        "With alpha annealed linearly from 1 to different final values over 10k steps, FOP always finds the "
        "matrix game's optimum, even where its policy is not greedy.",
        "D.3",
        "the table itself (neither its numbers nor the final values of alpha are known)",
    ),
    "table3": Claim(
        "Table 3",
        "Of the value-based methods QTRAN and QPLEX find the matrix game's optimum, VDN and QMIX don't.",
        "D.1",
        "which entries are bold (the optimal action is taken to be each Q_i's largest value)",
    ),
    "table4": Claim("Table 4", "The units of both sides on four maps of SMAC.", "D.4"),
    "figure2": Claim(
        "Figure 2",
        "In the differential game FOP reaches the global optimum, MADDPG, MAAC, FacMADDPG and DOP a "
        "sub-optimum; MAAC and FacMADDPG explore more widely than MADDPG.",
        "D.1",
        "the figure itself (its paths, and the letters of some panels)",
    ),
    "figure3": Claim(
        "Figure 3",
        "In the differential game FOP always converges to the optimum, under five ways of annealing alpha, "
        "which differ in rate alone; with DOP's decomposition, or with a greedy policy, it doesn't.",
        "D.3",
        "the figure itself (its curves)",
    ),
    "figure5": Claim(
        "Figure 5",
        "In the differential game the variance of FOP's policy gradient is smaller than MAAC's, and that of "
        "decomposed methods (FOP, DOP, FacMADDPG) smaller than that of MADDPG and MAAC.",
        "D.1",
        "the figure itself (its values; how variance was measured is not said)",
    ),
    "figure6": Claim(
        "Figure 6",
        "What the four maps of Table 4 look like.",
        "D.4",
        "the figure itself (pictures of StarCraft II)",
    ),
    "temperatures": Claim(
        "Temperatures",
        "FOP is robust to how the team's temperature is adjusted; the agents' temperatures may follow "
        "equation 17, smoothed, or the objective J(alpha_i).",
        "C and D.3",
    ),
    "theory": Claim(
        "Theory",
        "IGO makes the joint divergence a sum (A); factorised soft policy iteration rises to the optimum "
        "(B); rules for the temperatures (C).",
        "A to C",
    ),
}


class Values(NamedTuple):
    """What a method learnt in the matrix game: `q_1[a]`, `q_2[b]`, `q_tot[a][b]`, actions A, B, C."""

    q_1: tuple[float, float, float]
    q_2: tuple[float, float, float]
    q_tot: tuple[
        tuple[float, float, float],
        tuple[float, float, float],
        tuple[float, float, float],
    ]


TABLE_3 = {
    "VDN": Values(
        (-6.5, -0.2, -0.7), (-6.7, -0.2, -0.8), ((-13.2, -6.7, -7.3), (-6.9, -0.4, -1.0), (-7.4, -0.9, -1.5))
    ),
    "QMIX": Values(
        (-6.6, 0.2, 0.1), (-5.6, 0.1, 0.0), ((-8.1, -8.1, -8.1), (-8.1, 0.0, 0.0), (-8.1, 0.0, 0.0))
    ),
    "QTRAN-alt": Values(
        (4.7, -0.1, -0.1), (3.3, 0.1, 0.1), ((8.0, -12.0, -12.0), (-12.0, 0.0, 0.0), (-12.0, 0.0, 0.0))
    ),
    "QPLEX": Values(
        (2.4, 0.1, 0.2), (5.5, 0.7, -0.1), ((8.0, -12.1, -12.1), (-12.2, 0.0, 0.0), (-12.2, 0.0, 0.0))
    ),
}

Army = dict[str, int]
"""How many of each type of unit."""

TABLE_4: dict[str, tuple[Army, Army]] = {
    "2c_vs_64zg": ({"Colossus": 2}, {"Zergling": 64}),
    "3s_vs_3z": ({"Stalker": 3}, {"Zealot": 3}),
    "MMM": ({"Medivac": 1, "Marauder": 2, "Marine": 7}, {"Medivac": 1, "Marauder": 2, "Marine": 7}),
    "MMM2": ({"Medivac": 1, "Marauder": 2, "Marine": 7}, {"Medivac": 1, "Marauder": 2, "Marine": 8}),
}
"""Agents' and enemy's units as Table 4 prints them."""

ASYMMETRIC = ("2c_vs_64zg", "3s_vs_3z", "MMM2")
"""Maps whose sides differ, says D.4."""

SMAC_UNITS = {"2c_vs_64zg": (2, 64), "3s_vs_3z": (3, 3), "MMM": (10, 10), "MMM2": (10, 12)}
"""Agents and enemies by SMAC's own list of maps (`smac_maps.py`, oxwhirl/smac @ d6aab33). Not the paper's."""
