"""PyTorch on the CPU, as a peer of the benchmark; src/protocol.ts says how it talks.

    python pytorch.py --workload lenet5 --batch 8 [--threads N] [--tune yes]

With --tune it first tries oneDNN on and off and both memory formats, each for a moment, and goes on with the fastest.
"""

import argparse
import json
import os
import statistics
import sys
import time

# As src/workloads.ts has them.
LEARNING_RATE = 0.01
CLASSES = 10
BATCHES = 8
REPORTED_LOSSES = 5


def say(message):
    print(json.dumps(message), flush=True)


def blas(torch):
    """The name of the linear algebra library behind PyTorch, for a reader of the figures."""
    libraries = ""
    try:
        with open("/proc/self/maps", encoding="utf-8") as maps:
            libraries = maps.read()
    except OSError:
        pass
    if torch.backends.mkl.is_available():
        return "MKL"
    if "openblas" in libraries:
        return "OpenBLAS"
    if "libblas.so" in libraries:
        return "reference BLAS (slow: not a fair peer)"
    return next((part[10:] for part in torch.__config__.show().split(", ") if part.startswith("BLAS_INFO=")), "unknown")


def trial(step):
    """Milliseconds per step, over a quarter of a second or five steps after three to warm up."""
    for index in range(3):
        step(index)
    times = []
    end = time.perf_counter() + 0.25
    while len(times) < 5 or time.perf_counter() < end:
        before = time.perf_counter()
        step(len(times))
        times.append(time.perf_counter() - before)
    return statistics.median(times) * 1000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--tune", choices=("yes", "no"), default="no")
    arguments = parser.parse_args()
    try:
        import torch
        from torch.nn import functional as F
    except ImportError as error:
        say({"missing": f"{error} ({sys.executable}); set KILN_BENCH_PYTHON to a Python that has PyTorch"})
        return
    fixtures = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "test", "fixtures")
    sys.dont_write_bytecode = True
    sys.path.insert(0, fixtures)
    from generator import generate, labels
    from nets import NETS, fill

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    prefix = f"bench/{arguments.workload}"
    make, sample = NETS[arguments.workload]
    shape = [arguments.batch, *sample]
    data = [
        (generate(f"{prefix}/input/{i}", shape), labels(f"{prefix}/labels/{i}", arguments.batch, CLASSES))
        for i in range(BATCHES)
    ]

    def training(onednn, channels_last):
        """A fresh training; returns the function that makes one step and gives its loss."""
        torch.backends.mkldnn.set_flags(onednn)
        net = fill(make(), prefix)
        inputs = data
        if channels_last:
            net = net.to(memory_format=torch.channels_last)
            inputs = [(x.to(memory_format=torch.channels_last), y) for x, y in data]
        optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE)

        def step(index):
            x, y = inputs[index % BATCHES]
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            return loss.item()

        return step

    setting = (True, False)
    if arguments.tune == "yes":
        formats = (False, True) if len(sample) == 3 else (False,)
        settings = [(onednn, channels_last) for onednn in (True, False) for channels_last in formats]
        setting = min(settings, key=lambda chosen: trial(training(*chosen)))
    step = training(*setting)
    say(
        {
            "name": "PyTorch",
            "version": torch.__version__.split("+")[0],
            "details": {
                "blas": blas(torch),
                "onednn": setting[0] and bool(torch.backends.mkldnn.is_available()),
                "memoryFormat": "channels_last" if setting[1] else "contiguous",
                "tuned": arguments.tune == "yes",
                "threads": torch.get_num_threads(),
                "simd": torch.backends.cpu.get_cpu_capability() if hasattr(torch.backends, "cpu") else "unknown",
                "dtype": "float32",
                "python": sys.version.split()[0],
            },
        }
    )

    losses = []
    done = 0
    for line in sys.stdin:
        words = line.split()
        if words == ["quit"]:
            break
        if len(words) != 2 or words[0] != "run":
            say({"error": f'expected "run MILLISECONDS" or "quit" but got {json.dumps(line.strip())}'})
            continue
        times = []
        before = time.perf_counter()
        end = before + float(words[1]) / 1000
        while True:
            value = step(done)
            done += 1
            now = time.perf_counter()
            times.append(now - before)
            before = now
            if len(losses) < REPORTED_LOSSES:
                losses.append(value)
            if before >= end and len(losses) == REPORTED_LOSSES:
                break
        say({"steps": len(times), "msPerStep": statistics.median(times) * 1000, "losses": losses})


if __name__ == "__main__":
    main()
