"""PyTorch on the CPU, as a peer of the benchmark; src/protocol.ts says how it talks.

    python pytorch.py --workload lenet5 --batch 8 --task training|inference [--threads N] [--tune yes] [--compile yes]

With --tune it first tries oneDNN on and off and both memory formats, each for a moment, and goes on with the fastest. With
--compile net and loss are compiled by torch.compile before the first step.
"""

import argparse
import base64
import json
import math
import os
import statistics
import struct
import sys
import tempfile
import time

# As src/workloads.ts has them.
LEARNING_RATE = 0.01
CLASSES = 10
BATCHES = 8
PROVEN_STEPS = 5


def say(message):
    print(json.dumps(message), flush=True)


def encoded(tensor):
    """The numbers of a tensor as a proof carries them: little-endian float32 in base64."""
    values = tensor.detach().contiguous().reshape(-1).tolist()
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode("ascii")


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


def peak_bytes(torch, step):
    """
    The most memory that a step has beside what is there before it, by PyTorch's own account of each allocation
    (torch.profiler with profile_memory): activations, gradients and scratch.
    """
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step()
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "trace.json")
        profiler.export_chrome_trace(file)
        with open(file, encoding="utf-8") as trace:
            events = json.load(trace)["traceEvents"]
    now = peak = 0
    for event in sorted((e for e in events if e.get("name") == "[memory]"), key=lambda e: e["ts"]):
        now += event["args"]["Bytes"]
        peak = max(peak, now)
    return peak


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--task", choices=("training", "inference"), default="training")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--tune", choices=("yes", "no"), default="no")
    parser.add_argument("--compile", choices=("yes", "no"), default="no")
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
    from generator import generate, init_scale, labels
    from models import MODELS, start
    from nets import NETS, fill

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    prefix = f"bench/{arguments.workload}"
    if arguments.workload in MODELS:
        make, source, wanted, loss_of, optimizer_of = MODELS[arguments.workload]
    else:
        make, sample = NETS[arguments.workload]
        source, wanted, loss_of = (sample, None), ([], CLASSES), F.cross_entropy

        def optimizer_of(parameters):
            return torch.optim.SGD(parameters, lr=LEARNING_RATE)

    def samples(seed, kind):
        shape, below = [arguments.batch, *kind[0]], kind[1]
        return generate(seed, shape) if below is None else labels(seed, math.prod(shape), below).reshape(shape)

    data = [
        (samples(f"{prefix}/input/{i}", source), samples(f"{prefix}/labels/{i}", wanted)) for i in range(BATCHES)
    ]

    def started():
        if arguments.workload in MODELS:
            return start(make(), prefix, generate, init_scale)
        return fill(make(), prefix)

    def prepared(onednn, channels_last):
        """A fresh net, and the function that makes one step and gives its loss or its output."""
        torch.backends.mkldnn.set_flags(onednn)
        net = started()
        inputs = data
        if channels_last:
            net = net.to(memory_format=torch.channels_last)
            inputs = [(x.to(memory_format=torch.channels_last), y) for x, y in data]
        optimizer = optimizer_of(net.parameters())
        if arguments.task == "inference":
            net.eval()

        def loss_of_batch(x, y):
            return loss_of(net(x), y)

        forward, trained = (
            (torch.compile(net), torch.compile(loss_of_batch)) if arguments.compile == "yes" else (net, loss_of_batch)
        )

        def train(index):
            x, y = inputs[index % BATCHES]
            optimizer.zero_grad()
            loss = trained(x, y)
            loss.backward()
            optimizer.step()
            return loss.item()

        def predict(index):
            with torch.inference_mode():
                return forward(inputs[index % BATCHES][0])

        return net, train if arguments.task == "training" else predict, optimizer.zero_grad

    setting = (True, False)
    if arguments.tune == "yes":
        formats = (False, True) if len(source[0]) == 3 else (False,)
        settings = [(onednn, channels_last) for onednn in (True, False) for channels_last in formats]
        setting = min(settings, key=lambda chosen: trial(prepared(*chosen)[1]))
    net, step, discard_gradients = prepared(*setting)
    say(
        {
            "name": "PyTorch",
            "version": torch.__version__.split("+")[0],
            "details": {
                "blas": blas(torch),
                "onednn": setting[0] and bool(torch.backends.mkldnn.is_available()),
                "memoryFormat": "channels_last" if setting[1] else "contiguous",
                "tuned": arguments.tune == "yes",
                "compiled": arguments.compile == "yes",
                "threads": torch.get_num_threads(),
                "simd": torch.backends.cpu.get_cpu_capability() if hasattr(torch.backends, "cpu") else "unknown",
                "dtype": "float32",
                "python": sys.version.split()[0],
            },
        }
    )

    done = 0

    def timed_step():
        nonlocal done
        before = time.perf_counter()
        result = step(done)
        done += 1
        return (time.perf_counter() - before) * 1000, result

    def prove(limit):
        times, results = [], []
        for _ in range(PROVEN_STEPS):
            taken, result = timed_step()
            times.append(taken)
            results.append(result)
            if taken > limit:
                return {
                    "error": f"one step takes {taken / 1000:.1f} s; the limit is {limit / 1000:.1f} s",
                    "tooSlow": True,
                }
        proof = {"msPerStep": statistics.median(times)}
        if arguments.task == "inference":
            tensors = {f"output {index}": encoded(output) for index, output in enumerate(results)}
            return {**proof, "losses": [], "tensors": tensors}
        tensors = {name: encoded(value) for name, value in net.named_parameters()}
        discard_gradients()
        return {**proof, "losses": results, "tensors": tensors, "peakBytes": peak_bytes(torch, timed_step)}

    def run(millis):
        times = []
        end = time.perf_counter() + millis / 1000
        while not times or time.perf_counter() < end:
            times.append(timed_step()[0])
        return {"steps": len(times), "msPerStep": statistics.median(times)}

    commands = {"prove": prove, "run": run}
    for line in sys.stdin:
        words = line.split()
        if words == ["quit"]:
            break
        if len(words) == 2 and words[0] in commands:
            say(commands[words[0]](float(words[1])))
        else:
            say({"error": f'expected "prove", "run" or "quit" but got {json.dumps(line.strip())}'})


if __name__ == "__main__":
    main()
