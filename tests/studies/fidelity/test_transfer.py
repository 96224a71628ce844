"""Nets that others trained on our battles: nets made by hand, and tables of made records."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from msgspec import structs
from safetensors.torch import save_file

from fop_bench.arguments import UsageError
from fop_bench.studies.fidelity import run_measurements, transfer, transfer_figure, transfer_tables
from fop_bench.studies.fidelity.fidelity_records import RealResult, TransferPlays
from fop_bench.studies.fidelity.health_playback import HealthPart
from fop_bench.studies.fidelity.heuristic_policy import HeuristicPart
from fop_bench.studies.fidelity.trained_nets import read_net
from fop_bench.studies.fidelity.transfer import TransferBlock, TransferPart, check_net
from fop_core.errors import FopError
from fop_envs import play
from fop_envs.policies import Turn
from fop_envs.smac.skirmish import SkirmishEnv

EAST, FIRST_ATTACK = 4, 6
FIGHTS = {EAST: 1.0, FIRST_ATTACK: 4.0, FIRST_ATTACK + 1: 3.0, FIRST_ATTACK + 2: 2.0}
"""Goes east until it can shoot, then shoots at the enemy with the least id."""
INPUTS = 42
"""Of a net of 3m: observation 30, last action 9, agent 3."""


def plays(file: str, epsilon: float, won: int, real: float | None, map_name: str = "3m") -> TransferPlays:
    return TransferPlays(
        file=f"{map_name}__{file}.safetensors",
        map=map_name,
        algorithm="qmix",
        epsilon=epsilon,
        engine="skirmish-test",
        episodes=100,
        won=won,
        returns=12.5,
        ep_length=30.25,
        dead_allies=1.5,
        dead_enemies=2.0,
        real=None if real is None else RealResult(battle_won=real, n=100, returns=13.5),
    )


FOUND = [
    plays("a", 0.0, 100, 0.95),
    plays("a", 0.05, 80, 0.7),
    plays("b", 0.05, 50, None),
    plays("b", 0.0, 60, 0.8),
    plays("c", 0.0, 10, 0.1, "2s3z"),
    plays("d", 0.05, 10, None),
    plays("d", 0.0, 15, None),
]


def test_a_net_is_judged_at_005_where_the_real_result_is_known_there_else_at_0() -> None:
    shown = transfer_tables.shown_nets(FOUND)
    assert [(one.file, one.epsilon) for one in shown] == [
        ("3m__a.safetensors", 0.05),
        ("3m__b.safetensors", 0.0),
        ("3m__d.safetensors", 0.05),
        ("2s3z__c.safetensors", 0.0),
    ]
    maps = {item.map: item for item in transfer_tables.nets_by_map(FOUND)}
    assert (maps["3m"].nets, maps["2s3z"].nets) == (2, 1)
    assert maps["3m"].mean_absolute == pytest.approx(15)
    assert maps["3m"].mean == pytest.approx(-5)
    assert maps["3m"].largest == pytest.approx(-20)
    assert transfer_tables.overall(FOUND) == (
        "all: 3 nets, mean absolute difference 10.0 points, mean difference -3.3"
    )
    assert transfer_tables.overall(FOUND[-2:]) == "all: 0 nets, no real result is known at these epsilons"


def test_the_tables_have_a_row_for_each_map_and_each_net() -> None:
    maps, nets = transfer_tables.transfer_tables(FOUND)
    assert maps.rows[1:] == [["3m", "2", "15.0", "-5.0", "-20.0"], ["2s3z", "1", "0.0", "+0.0", "+0.0"]]
    assert "epsilon 0.05 where its real result is known there, else at 0" in maps.caption
    assert [row[0] for row in nets.rows] == ["net", "a", "b", "d", "c"]
    # Wilson's interval of 70 and of 80 of 100.
    assert nets.rows[1][3:7] == ["70.0 (60-78)", "80.0 (71-87)", "+10.0", "12.5/13.5"]
    assert nets.rows[1][7:] == ["30.2", "1.50", "2.00"]
    assert nets.rows[3][3:6] == ["-", "10.0 (6-17)", "-"]
    assert transfer_tables.transfer_tables([]) == []


def test_real_intervals_are_as_stated_or_wilsons() -> None:
    assert RealResult(battle_won=0.5, n=320, low=0.4, high=0.7).interval == (0.4, 0.7)
    assert RealResult(battle_won=0.5).interval is None
    low, high = RealResult(battle_won=1.0, n=31.4).interval or (0, 0)
    assert (round(low, 3), high) == (0.89, 1.0)


def test_the_figure_is_drawn_for_any_number_of_maps(tmp_path: Path) -> None:
    judged = transfer_tables.judged_nets(
        [plays("a", 0.0, 40, 0.5, name) for name in ("3m", "8m", "2s3z", "3s5z", "MMM", "MMM2", "25m")]
    )
    more = [(structs.replace(one, map=f"{one.map}-{k}"), real) for k in range(3) for one, real in judged]
    drawn = transfer_figure.draw(more, tmp_path, ("png", "svg"))
    assert [path.name for path in drawn] == ["transfer.png", "transfer.svg"]
    assert transfer_figure.draw([], tmp_path, ("png",)) == []


def test_a_net_plays_as_its_values_say(tmp_path: Path, write_net: Callable[..., Path]) -> None:
    path = write_net(tmp_path / "n.safetensors", "3m", INPUTS, 9, FIGHTS, real={"0": {"battle_won": 0.5}})
    (record,) = TransferBlock(read_net(path), 0.0, 96)()
    assert isinstance(record, TransferPlays)
    values = np.zeros(9)
    values[list(FIGHTS)] = list(FIGHTS.values())

    def fights(turn: Turn) -> Any:
        return np.where(turn.available, values, -1).argmax(axis=2)

    env = SkirmishEnv("3m", n_envs=7, seed=transfer.SEED)
    same = play(env, fights, 96)
    assert record.won == int(same.info["battle_won"].sum())
    assert record.ep_length == pytest.approx(same.lengths.mean(), abs=1e-3)
    assert record.returns == pytest.approx(same.returns.mean(), abs=1e-3)
    assert record.dead_enemies == pytest.approx(same.info["dead_enemies"].mean(), abs=1e-3)
    assert record.real == RealResult(battle_won=0.5)
    (explores,) = TransferBlock(read_net(path), 1.0, 32)()
    assert isinstance(explores, TransferPlays)
    assert explores.won < 8, "all decisions are random"
    assert explores.real is None


def test_a_nets_own_options_go_before_the_chosen_ones(tmp_path: Path, write_net: Callable[..., Path]) -> None:
    path = write_net(tmp_path / "n.safetensors", "3m", INPUTS, 9, FIGHTS, options={"reward_scale": False})
    ((scaled,), (own,)) = (
        TransferBlock(read_net(path), 0.0, 16, (("reward_scale", True),))(),
        TransferBlock(read_net(path), 0.0, 16)(),
    )
    assert scaled == own
    assert isinstance(own, TransferPlays)
    assert own.returns > 20, "SMAC scales returns to 20 at most"


def tensors(inputs: int = INPUTS, outputs: int = 9) -> dict[str, torch.Tensor]:
    shapes = {"fc.weight": (5, inputs), "fc.bias": (5,), "fc2.weight": (outputs, 4), "fc2.bias": (outputs,)}
    shapes |= {"rnn.weight_ih": (12, 5), "rnn.weight_hh": (12, 4), "rnn.bias_ih": (12,), "rnn.bias_hh": (12,)}
    return {name: torch.zeros(shape) for name, shape in shapes.items()}


def maven() -> dict[str, torch.Tensor]:
    """3m: state 48, latents 6, hidden 4."""
    weights = {name: value for name, value in tensors().items() if not name.startswith("fc2")}
    for name, outputs, inputs in (
        ("prior.fc_1", 8, 48),
        ("prior.fc_2", 6, 8),
        ("hyper_w", 36, 9),
        ("hyper_b", 9, 9),
    ):
        weights |= {f"{name}.weight": torch.zeros(outputs, inputs), f"{name}.bias": torch.zeros(outputs)}
    return weights


def saved(path: Path, weights: dict[str, torch.Tensor], **about: Any) -> Path:
    save_file(weights, path, {"about": json.dumps({"map": "3m", "algorithm": "qmix"} | about)})
    return path


def test_both_names_of_the_first_layer_and_maven_fit(tmp_path: Path) -> None:
    assert check_net(read_net(saved(tmp_path / "fc.safetensors", tensors()))).n_agents == 3
    net = read_net(saved(tmp_path / "maven.safetensors", maven()))
    check_net(net)
    (record,) = TransferBlock(net, 0.0, 4)()
    assert isinstance(record, TransferPlays)
    assert record.won == 0


@pytest.mark.parametrize(
    ("weights", "about", "message"),
    [
        (tensors(), {"map": "3mm"}, r"net\.safetensors: unknown map '3mm'; did you mean 3m"),
        (tensors(), {"options": {"scan": 1}}, r"net\.safetensors: unknown option 'scan'"),
        (tensors(40), {}, r"net\.safetensors takes 40 inputs; 3m gives 42: observation 30, last action 9"),
        (
            tensors(outputs=8),
            {},
            r"net\.safetensors: fc2\.weight has the shape \[8, 4\]; on 3m it has to be \[9, 4\]",
        ),
        ({"fc.weight": torch.zeros(1, 42)}, {}, r"net\.safetensors lacks fc, fc2, rnn\.weight_ih"),
        (
            maven() | {"hyper_b.bias": torch.zeros(3)},
            {},
            r"hyper_b\.bias has the shape \[3\]; on 3m it has to be \[9\]",
        ),
    ],
)
def test_a_net_that_cant_play_is_told_by_file_and_reason(
    tmp_path: Path, weights: dict[str, torch.Tensor], about: dict[str, Any], message: str
) -> None:
    net = read_net(saved(tmp_path / "net.safetensors", weights, **about))
    with pytest.raises(FopError, match=message):
        check_net(net)


def test_an_epsilon_that_is_no_number_is_told(tmp_path: Path) -> None:
    with pytest.raises(FopError, match=r"net\.safetensors: its metadata entry 'about' doesn't fit"):
        read_net(saved(tmp_path / "net.safetensors", tensors(), real={"greedy": {"battle_won": 1}}))


def test_epsilons_are_numbers_from_0_to_1() -> None:
    assert transfer.epsilons("0,.05,0") == [0.0, 0.05]
    for wrong in ("", "1.5", "a", "-0.1,0", "nan"):
        with pytest.raises(UsageError, match="expected numbers from 0 to 1, separated by commas"):
            transfer.epsilons(wrong)


def arguments(**given: Any) -> argparse.Namespace:
    common = {"settings": [], "client": None, "out": None, "resume": False, "workers": 1}
    heuristics = {"policy_maps": "3m", "episodes": 10, "rest": False}
    nets = {"nets": None, "net_maps": "all", "net_episodes": 8, "epsilons": "0", "data": None}
    return argparse.Namespace(**(common | heuristics | nets | {"health_seeds": 1} | given))


def test_all_says_what_it_leaves_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    write_net: Callable[..., Path],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FOP_SHARED", raising=False)
    monkeypatch.setattr(run_measurements, "PARTS", (HeuristicPart, HealthPart, TransferPart))
    args = arguments(out=tmp_path / "out")
    assert run_measurements.run_measurements("all", args, ["fop-bench", "fidelity"]) == 0
    printed = capsys.readouterr().out
    assert (
        "left out     health: neither --data nor the variable FOP_SHARED names recorded episodes with "
        "health; transfer: neither --nets nor the variable FOP_SHARED names nets trained in StarCraft II"
        in printed
    )
    write_net(tmp_path / "facts" / "nets" / "n.safetensors", "3m", INPUTS, 9, FIGHTS)
    monkeypatch.setenv("FOP_SHARED", str(tmp_path))
    args = arguments(out=tmp_path / "more")
    assert run_measurements.run_measurements("all", args, ["fop-bench", "fidelity"]) == 0
    printed = capsys.readouterr().out
    assert "left out     health: " in printed
    assert "transfer     1 net on 1 map, 8 episodes each, at epsilon 0" in printed
    assert printed.endswith("all: 0 nets, no real result is known at these epsilons\n")
