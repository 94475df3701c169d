#!/usr/bin/python3
"""Runs the demo: a broker, fovead and a subscriber on this machine; a live summary; a picture at the end.

Everything it starts lives in one temporary folder and is stopped again, also on errors and Ctrl-C.
"""
import argparse
import collections
import json
import os
import pathlib
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_configuration(folder, port):
    """pipelines/street-demo.yaml with a picture as a further output."""
    (folder / "fovea.yaml").write_text(
        f"version: 1\nnode: demo\nstats-interval: 5s\nmodels: ['{ROOT}/models']\n"
        f"mqtt: {{address: '127.0.0.1:{port}'}}\n")
    pipeline = folder / "street.yaml"
    pipeline.write_text((ROOT / "pipelines/street-demo.yaml").read_text()
                        + f'outputs:\n  - picture: {{path: "{folder}/picture.jpg", interval: 500ms}}\n')
    return pipeline


class Summary:
    """Counts what a subscriber sees."""

    def __init__(self):
        self.frames = 0
        self.last_seq = None
        self.missing = 0
        self.tracks = {}  # id → label
        self.colors = {}  # id → the colour said last
        self.latency_ms = []
        self.status = "?"
        self.samples = {}
        self.objects_now = 0
        self.objects_pictured = 0

    def take(self, topic, payload):
        kind = topic.rsplit("/", 1)[-1]
        self.samples.setdefault(kind, (topic, payload))
        if kind == "status":
            self.status = payload
            return
        message = json.loads(payload)
        if kind != "frames":
            return
        self.frames += 1
        self.objects_now = len(message["objects"])
        if self.last_seq is not None and message["seq"] > self.last_seq + 1:
            self.missing += message["seq"] - self.last_seq - 1
        self.last_seq = message["seq"]
        for thing in message["objects"]:
            if "id" not in thing:
                continue
            self.tracks[thing["id"]] = thing["label"]
            for attribute in thing.get("attributes", []):
                if attribute["name"] == "color":
                    self.colors[thing["id"]] = attribute["label"]
        for stage in message.get("latency_ms", {}).values():
            self.latency_ms.append(stage["wait"] + stage["work"])

    def line(self, elapsed):
        latency = sorted(self.latency_ms[-200:]) or [0]
        return (f"{elapsed:5.1f} s  node {self.status:<7} {self.frames:5d} messages, {self.missing} missing  "
                f"inference p50 {latency[len(latency) // 2]:.0f} ms  counted: {self.counts()}")

    def counts(self):
        labels = collections.Counter(self.tracks.values())
        return ", ".join(f"{count} {label}{'s' if count > 1 else ''}" for label, count in labels.most_common()) or "nothing"

    def color_counts(self):
        return ", ".join(f"{count} {color}" for color, count in collections.Counter(self.colors.values()).most_common())


def start(command, **options):
    return subprocess.Popen([str(part) for part in command], **options)


def stop(process, name):
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        print(f"demo: {name} did not stop in time", file=sys.stderr)
        process.kill()
        process.wait()


def wait_for_broker(port, broker):
    for _ in range(100):
        if broker.poll() is not None:
            sys.exit("demo: mosquitto ended at once")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit("demo: mosquitto does not answer")


def keep_picture(folder, summary):
    """Keeps the picture that shows most; fovead writes the present one twice a second."""
    picture = folder / "picture.jpg"
    if summary.objects_now <= summary.objects_pictured and (folder / "best.jpg").exists():
        return
    data = picture.read_bytes() if picture.exists() else b""
    if data.endswith(b"\xff\xd9"):  # JPEG's end mark: not read in the middle of writing
        (folder / "best.jpg").write_bytes(data)
        summary.objects_pictured = summary.objects_now


def read_lines(stream, lines):
    for line in stream:
        lines.put(line)


def watch(subscriber, daemon, seconds, folder):
    """Reads the subscriber until the time is over; prints a line a second."""
    summary = Summary()
    lines = queue.Queue()
    threading.Thread(target=read_lines, args=(subscriber.stdout, lines), daemon=True).start()
    begin = time.monotonic()
    next_line = begin + 1
    while (now := time.monotonic()) < begin + seconds:
        if daemon.poll() is not None:
            sys.exit(f"demo: fovead ended with status {daemon.returncode}")
        try:
            topic, _, payload = lines.get(timeout=0.1).rstrip("\n").partition(" ")
            summary.take(topic, payload)
        except queue.Empty:
            pass
        if now >= next_line:
            print(summary.line(now - begin), flush=True)
            keep_picture(folder, summary)
            next_line += 1
    return summary


def environment(build):
    env = dict(os.environ)
    env["GST_PLUGIN_PATH"] = str(build / "lib/gstreamer-1.0")
    return env


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/dev")
    options = parser.parse_args()
    build = options.build.resolve()
    print("demo: the synthetic street, watched by street-detect, street-vehicle-attributes and street-segment")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fovea-demo-"))
    broker = subscriber = daemon = None
    try:
        port = free_port()
        (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
        mosquitto = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        broker = start([mosquitto, "-c", folder / "mosquitto.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_broker(port, broker)
        subscriber = start(["mosquitto_sub", "-p", port, "-t", "fovea/#", "-q", "1", "-F", "%t %p"],
                           stdout=subprocess.PIPE, text=True)
        pipeline = write_configuration(folder, port)
        print(f"demo: broker on 127.0.0.1:{port}, subscriber on fovea/#, fovead starts")
        daemon = start([build / "bin/fovead", "--config", folder / "fovea.yaml", "--pipeline", pipeline],
                       env=environment(build))
        summary = watch(subscriber, daemon, options.seconds, folder)
    finally:
        stop(daemon, "fovead")
        stop(subscriber, "mosquitto_sub")
        stop(broker, "mosquitto")
    print(f"\nCounted: {summary.counts()}; vehicles by colour: {summary.color_counts() or 'none'}")
    print("\nOne message of each kind:")
    for topic, payload in summary.samples.values():
        print(f"  {topic}\n    {payload[:400]}")
    picture = folder / "best.jpg"
    if not summary.frames or not picture.exists():
        print("demo: no messages or no picture arrived", file=sys.stderr)
        return 1
    kept = build / "demo-picture.jpg"
    shutil.move(picture, kept)
    shutil.rmtree(folder)
    print(f"\nAnnotated picture: {kept}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
