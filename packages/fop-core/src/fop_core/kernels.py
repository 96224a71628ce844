"""The kernels as they are: arrays in, results written into arrays that the caller gives.

For callers that own their memory, torch first of all (`fop_algos.native_ops`); `fop_core.ops` has the same
kernels as functions that return new arrays, and says what each argument is. Inputs and outputs are contiguous
numpy arrays of one kind, float32 or float64 (masks: bool), and are never copied. A wrong shape, dtype or
number raises ValueError naming the argument. The interpreter's lock is released during the work.
docs/kernels.md states the contracts.
"""

from ._native import (
    best_simd,
    literal_mix,
    literal_mix_backward,
    routed_mix,
    routed_mix_backward,
    set_simd,
    simd,
    soft_value,
    soft_value_backward,
    td_lambda,
)

__all__ = [
    "best_simd",
    "literal_mix",
    "literal_mix_backward",
    "routed_mix",
    "routed_mix_backward",
    "set_simd",
    "simd",
    "soft_value",
    "soft_value_backward",
    "td_lambda",
]
