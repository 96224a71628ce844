"""The compiled module. Use it through `fop_core.ops`, `fop_core.replay`, `fop_core.rng` and `fop_envs`."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# --- rng ---

_Words = npt.NDArray[np.uint32]

PURPOSES: dict[str, int]

def philox(counter: Sequence[int], key: Sequence[int]) -> list[int]: ...
def uniform(seed: int, purpose: int, episodes: _Words, times: _Words, n: int) -> npt.NDArray[np.float32]: ...
def uniform64(
    seed: int, purpose: int, episodes: _Words, times: _Words, n: int
) -> npt.NDArray[np.float64]: ...
def normal(seed: int, purpose: int, episodes: _Words, times: _Words, n: int) -> npt.NDArray[np.float32]: ...
def below(
    seed: int, purpose: int, episodes: _Words, times: _Words, n: int, bound: _Words
) -> npt.NDArray[np.int64]: ...
