"""What recorded orders are in SMAX, on episodes made by hand; every number is worked out beside it."""

import importlib.util
from dataclasses import replace

import numpy as np
import peers_on_recordings as peers
import pytest

from fop_bench.studies.fidelity import measures
from fop_bench.studies.fidelity.recordings import Birth, Episode, Order
from fop_core.errors import FopError

STARTS = np.array([[9, 16], [9, 15], [23, 16], [23, 15]], np.float32)
EPISODE = Episode(
    number=0,
    first=True,
    units=tuple(Birth("Marine", unit // 2, (int(x), int(y))) for unit, (x, y) in enumerate(STARTS)),
    deaths=(),
    orders=(
        Order(0, 0, "move", None, 9.0, 18.0, False),  # north
        Order(0, 1, "move", None, 11.0, 15.0, False),  # east
        Order(8, 0, "move", None, 9.0, 15.125, False),  # south, from (9, 17.125)
        Order(8, 1, "move", None, 8.125, 15.0, False),  # west, from (10.125, 15)
        Order(16, 0, "attack", 3, 23.0, 15.0, False),  # the second enemy
        Order(24, 1, "attack", 2, 23.0, 16.0, False),  # the first
        Order(32, 1, "stop", None, None, None, False),
        Order(40, 1, "move", None, 11.0, 15.0, False),  # east, from (9, 15)
    ),
    end=49,
)
PLACES = measures.known(EPISODE, STARTS)


def test_actions_are_those_of_the_orders_and_go_on_without_one():
    # Directions from north on clockwise are 0 to 3, standing is 4, attacks begin at 5. Unit 0 attacks to the
    # end. Unit 1 stands at 16, since a move isn't repeated, and after its last move.
    assert peers.actions(EPISODE, PLACES, 8).T.tolist() == [
        [0, 2, 6, 6, 6, 6, 6, 6],
        [1, 3, 4, 5, 4, 1, 4, 4],
    ]


@pytest.mark.parametrize(
    "order", [Order(0, 0, "heal", 1, 9.0, 15.0, False), Order(4, 0, "stop", None, None, None, False)]
)
def test_an_order_that_smax_has_no_action_for_is_refused(order):
    with pytest.raises(FopError, match=f"no action for .*loop={order.loop}.*{order.kind}"):
        peers.actions(replace(EPISODE, orders=(order,)), PLACES, 8)


def test_deaths_are_the_first_loops_of_the_play_at_which_a_unit_is_gone():
    alive = np.ones((12, 4), bool)
    alive[5:, 1] = False
    alive[10:, 2] = False  # after the play's 10 loops
    played = peers.playback(np.repeat(STARTS[None], 12, axis=0), alive, 10)
    assert played.death_loop.tolist() == [-1, 5, -1, -1]
    assert played.tracks.shape == (10, 4, 2)


@pytest.mark.skipif(importlib.util.find_spec("jaxmarl") is None, reason="jaxmarl isn't installed")
@pytest.mark.parametrize(("adapted", "second"), [(False, 16), (True, 22.4)])
def test_smax_takes_the_actions_for_what_they_are_meant(adapted, second):
    # Agents 0 to 3 go north, east, south and west at 3.15 a second for 8 loops. The other five hit the second
    # enemy, within 5 cells, for 9 each: 45, its life, in the first loop. The first is as near and lives.
    places = [(4, 8), (8, 12), (4, 16), (8, 20), *((20, 9 + i) for i in range(5)), (23, 12), (23, 11)]
    starts = np.array(places, np.float32)
    episode = replace(EPISODE, units=tuple(Birth("Marine", int(i > 8), (0, 0)) for i in range(11)))
    orders = np.array([[[0, 1, 2, 3] + [peers.FIRST_ATTACK + 1] * 5]], np.int32)
    ways, alive = peers.smax(episode, orders, starts[None], 2, adapted)
    assert ways.shape == (1, 2, 9, 11, 2)
    step = 8 * 3.15 / second
    moved = ways[0, :, 8, :4] - starts[:4]
    np.testing.assert_allclose(moved, [[(0, step), (step, 0), (0, -step), (-step, 0)]] * 2, atol=1e-4)
    assert alive[0, :, 0].all()
    assert alive[0, :, 1:, 9].all()
    assert not alive[0, :, 1:, 10].any()
