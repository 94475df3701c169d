#!/usr/bin/python3
"""Runs engines on the same models in turns (A B C, C B A, …) and prints ratios of medians.

    bench/peers/compare.py --peers build/dev/bin --models FOLDER [--onnxruntime libonnxruntime.so] [--json FILE]

Models: *.onnx with one input of fixed shape (make_models.py makes them). Every slice is timed by the peer itself. A
slice during which other processes kept the machine busy is repeated, and how many were is reported.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import onnx

MODES = {  # threads a request, requests at the same time
    "latency, 1 thread": (1, 1),
    "latency, 2 threads": (2, 1),
    "throughput, 2 x 1": (1, 2),
}
MOST_OTHER_LOAD = 0.12  # cores
TICKS = os.sysconf("SC_CLK_TCK")


def busy_seconds():
    fields = [int(field) for field in open("/proc/stat").readline().split()[1:]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def own_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Peer:
    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True)
        self.loaded = json.loads(self.process.stdout.readline() or "null")
        self.medians, self.rates, self.least, self.repeated = [], [], float("inf"), 0

    def order(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def run_slice(self, seconds, most_repetitions):
        for attempt in range(1 + most_repetitions):
            busy, own, begin = busy_seconds(), own_seconds(self.process.pid), time.monotonic()
            result = self.order(f"run {seconds}")
            others = (busy_seconds() - busy) - (own_seconds(self.process.pid) - own)
            if others / (time.monotonic() - begin) < MOST_OTHER_LOAD or attempt == most_repetitions:
                break
            self.repeated += 1
            time.sleep(1)
        self.medians.append(result["median_ms"])
        self.rates.append(result["fps"])
        self.least = min(self.least, result["least_ms"])

    def outputs(self):
        with tempfile.NamedTemporaryFile() as file:
            self.order(f"outputs {file.name}")
            return np.fromfile(file.name, np.float32)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def input_shape(model):
    graph = onnx.load(model, load_external_data=False).graph
    constants = {initializer.name for initializer in graph.initializer}
    port = next(port for port in graph.input if port.name not in constants)
    return ",".join(str(dim.dim_value) for dim in port.type.tensor_type.shape.dim)


def compare(commands, rounds, seconds, most_repetitions):
    """Name of each peer that loaded -> its figures; ratios are over the first peer."""
    peers = [Peer(name, command) for name, command in commands]
    for peer in peers:
        if not peer.loaded:
            print(f"{peer.name} could not load {peer.process.args[1]}", flush=True)
            peer.close()
    peers = [peer for peer in peers if peer.loaded]
    for turn in range(rounds):
        for peer in peers if turn % 2 == 0 else reversed(peers):
            peer.run_slice(seconds, most_repetitions)
    base = peers[0]
    expected = base.outputs()
    figures = {}
    for peer in peers:
        outputs = peer.outputs()
        same = outputs.shape == expected.shape
        figures[peer.name] = {
            **peer.loaded,
            "median_ms": statistics.median(peer.medians),
            "fps": statistics.median(peer.rates),
            "latency_ratio": statistics.median(b / own for b, own in zip(base.medians, peer.medians)),
            "throughput_ratio": statistics.median(own / b for b, own in zip(base.rates, peer.rates)),
            "least_ms": peer.least,  # what a busy machine tells best
            "least_ratio": base.least / peer.least,
            "difference": float(np.abs(outputs - expected).max() / np.abs(expected).max()) if same else None,
            "repeated_slices": peer.repeated,
        }
        peer.close()
    return figures


def peer_parser(description):
    """The options that all comparisons of engines have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=pathlib.Path, required=True, help="folder of the *_peer programs")
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--only", nargs="*", help="names of models")
    parser.add_argument("--onnxruntime", type=pathlib.Path, help="libonnxruntime.so")
    parser.add_argument("--rounds", type=int, default=7)
    return parser


def chosen_models(options):
    return [model for model in sorted(options.models.glob("*.onnx")) if not options.only or model.stem in options.only]


def main():
    parser = peer_parser(__doc__)
    parser.add_argument("--properties", help="of our engine: KEY=VALUE,…, for example CACHE_DIR=FOLDER (run twice)")
    parser.add_argument("--without-opencv", action="store_true")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each slice")
    parser.add_argument("--repeat", type=int, default=10, help="how often a disturbed slice is repeated at most")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    results = {}
    for model in chosen_models(options):
        for mode, (threads, streams) in MODES.items():
            common = [str(model), str(threads), str(streams)]
            commands = []
            if options.onnxruntime:
                commands.append(("onnxruntime", [options.peers / "onnxruntime_peer", *common, options.onnxruntime]))
            commands.append(("fovea", [options.peers / "fovea_peer", *common] +
                             ([options.properties] if options.properties else [])))
            if not options.without_opencv:
                commands.append(("opencv", [options.peers / "opencv_peer", *common, input_shape(model)]))
            figures = compare(commands, options.rounds, options.seconds, options.repeat)
            results.setdefault(model.stem, {})[mode] = figures
            for name, peer in figures.items():
                difference = "other shapes" if peer["difference"] is None else f"{peer['difference']:.1e}"
                print(f"{model.stem:20} {mode:20} {name:12} {peer['median_ms']:9.3f} ms {peer['fps']:8.1f} fps  "
                      f"x{peer['latency_ratio']:.2f} latency  x{peer['throughput_ratio']:.2f} throughput  "
                      f"least {peer['least_ms']:.3f} ms x{peer['least_ratio']:.2f}  "
                      f"load {peer['load_ms']:.0f} ms  peak {peer['peak_rss_mb']:.0f} MB  "
                      f"difference {difference}  repeated {peer['repeated_slices']}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
