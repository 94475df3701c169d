#!/usr/bin/python3
"""How much of its quiet one-thread rate an engine keeps with two threads while another process takes one core.

    bench/peers/busy_core.py --peers build/dev/bin --models FOLDER [--onnxruntime libonnxruntime.so] [--only NAME …]

Rounds of: one thread on the quiet machine, then two threads beside a process that computes for ever, as a video decoder
does. Prints, for each engine, the median of the rounds' ratios of their rates; 1 means that nothing is lost to sharing.
"""
import statistics
import subprocess
import sys

from compare import Peer, chosen_models, peer_parser


class Hog:
    """A process that keeps a core busy, in a session of its own as another program would be."""

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def main():
    parser = peer_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each slice")
    options = parser.parse_args()
    engines = [("fovea", [options.peers / "fovea_peer"], [])]
    if options.onnxruntime:
        engines.append(("onnxruntime", [options.peers / "onnxruntime_peer"], [options.onnxruntime]))
    for model in chosen_models(options):
        ratios = {name: [] for name, _, _ in engines}
        peers = {(name, threads): Peer(name, [*command, str(model), str(threads), "1", *rest])
                 for name, command, rest in engines for threads in (1, 2)}
        for _ in range(options.rounds):
            quiet = {name: peers[name, 1].order(f"run {options.seconds}")["fps"] for name in ratios}
            with Hog():
                for name in ratios:
                    ratios[name].append(peers[name, 2].order(f"run {options.seconds}")["fps"] / quiet[name])
        for peer in peers.values():
            peer.close()
        print(f"{model.stem:20}", *(f"{name} {statistics.median(values):.2f} ({min(values):.2f} … {max(values):.2f})"
                                    for name, values in ratios.items()), flush=True)


if __name__ == "__main__":
    main()
