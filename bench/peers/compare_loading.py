#!/usr/bin/python3
"""How long engines take to load a model, and how much memory they need: each in fresh processes, in turns.

    bench/peers/compare_loading.py --peers build/dev/bin --models FOLDER --onnxruntime libonnxruntime.so [--rounds N]

Prints, for one thread and one request: milliseconds until the model can run (least and median; opening libraries and making
input are no part of it), and the peak of resident memory after one run. "cold" reads and compiles, "warm" takes the compiled
model from a cache that an earlier process filled (CACHE_DIR); model files are in the page cache in either case.
"""
import json
import statistics
import subprocess
import tempfile

from compare import chosen_models, peer_parser


def load(command):
    line = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
    return json.loads(line.splitlines()[0])


def main():
    parser = peer_parser(__doc__)
    options = parser.parse_args()
    if options.onnxruntime is None:
        parser.error("--onnxruntime: what ours is compared with")
    print(f"{'':16} {'ONNX Runtime':>24} {'cold':>30} {'warm':>30}")
    for model in chosen_models(options):
        with tempfile.TemporaryDirectory() as cache:
            common = [str(model), "1", "1"]
            ours = [options.peers / "fovea_peer", *common]
            commands = {"onnxruntime": [options.peers / "onnxruntime_peer", *common, options.onnxruntime],
                        "cold": ours, "warm": [*ours, f"CACHE_DIR={cache}"]}
            for command in commands.values():
                load(command)  # files into the page cache, the compiled model into its own
            figures = {name: [] for name in commands}
            for turn in range(options.rounds):
                for name in commands if turn % 2 == 0 else reversed(commands):
                    figures[name].append(load(commands[name]))
            least = {name: min(f["load_ms"] for f in runs) for name, runs in figures.items()}
            median = {name: statistics.median(f["load_ms"] for f in runs) for name, runs in figures.items()}
            peak = {name: statistics.median(f["peak_rss_mb"] for f in runs) for name, runs in figures.items()}
            text = f"{model.stem:16} {least['onnxruntime']:7.1f} {median['onnxruntime']:7.1f} ms {peak['onnxruntime']:4.0f} MB"
            for name in ("cold", "warm"):
                text += (f"   {least[name]:6.1f} {median[name]:6.1f} ms x{median[name] / median['onnxruntime']:.2f} "
                         f"{peak[name]:4.0f} MB x{peak[name] / peak['onnxruntime']:.2f}")
            print(text, flush=True)


if __name__ == "__main__":
    main()
