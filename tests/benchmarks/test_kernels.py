"""The kernels beside torch, one thread, processor time: `pytest tests/benchmarks --benchmark-only`."""

import shutil
import time

import kernel_cases
import pytest
import torch

pytestmark = [
    pytest.mark.benchmark(timer=time.process_time),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of torch.compile's own modules
]
COMPILED = ["eager+compile", "tuned+compile"] if shutil.which("c++") else []


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=list(kernel_cases.SHAPES))
def map_batch(request):
    return request.param, kernel_cases.Batch.of(kernel_cases.SHAPES[request.param])


def cases():
    for kernel, functions in kernel_cases.KERNELS.items():
        for implementation in [*functions, *(COMPILED if "tuned" in functions else [])]:
            yield pytest.param(kernel, implementation, id=f"{kernel}-{implementation}")


@pytest.mark.parametrize(("kernel", "implementation"), list(cases()))
def test_kernel(compare, map_batch, kernel, implementation):
    name, batch = map_batch
    plain, _, compiled = implementation.partition("+")
    function = kernel_cases.KERNELS[kernel][plain]
    if compiled:
        torch._dynamo.reset()
        function = torch.compile(function, dynamic=False)
    rounds = 50 if name == "3m" else 10
    compare(f"{kernel} / {name}", implementation, kernel_cases.work(kernel, function, batch), rounds)
