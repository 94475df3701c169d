"""The training loop of all three networks: schedule, averaged weights, several processes, checkpoints."""
import argparse
import math
import os
import pathlib
import time

import numpy as np
import torch
from torch import distributed, multiprocessing, nn

from layers import Average


def parser(description, samples, rate):
    """The options every training script has."""
    result = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--data", type=pathlib.Path, default=pathlib.Path("street-data"))
    result.add_argument("--output", type=pathlib.Path, default=pathlib.Path("street-models"))
    result.add_argument("--samples", type=int, default=samples, help="pictures to learn from, repetitions included")
    result.add_argument("--batch", type=int, default=16,
                        help="of each process; below 16 torch 1.13 leaves oneDNN for a far slower path")
    result.add_argument("--rate", type=float, default=rate, help="learning rate after the first 200 steps")
    result.add_argument("--seed", type=int, default=1)
    result.add_argument("--processes", type=int, default=1, help="that train together, one core each")
    result.add_argument("--start", type=pathlib.Path, help="weights (.pt) to go on from")
    return result


def launch(train, options, *shared):
    """Runs train(rank, options, *shared) in every process. Forked, so that all share the pictures in memory."""
    options.output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)  # Before the fork: all processes begin with the same weights.
    multiprocessing.start_processes(train, (options, *shared), options.processes, start_method="fork")


class Order:
    """Indices in random order, `copies` of each a round, for ever."""

    def __init__(self, copies, rng):
        self.indices = np.repeat(np.arange(len(copies)), copies)
        self.rng = rng
        self.rest = self.indices[:0]

    def take(self, count):
        if len(self.rest) < count:
            self.rest = self.rng.permutation(self.indices)
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken


def share_gradients(network, processes):
    """Every process goes on with the mean of all gradients."""
    gradients = [parameter.grad for parameter in network.parameters()]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= processes
    position = 0
    for gradient in gradients:
        gradient.copy_(flat[position:position + gradient.numel()].view_as(gradient))
        position += gradient.numel()


class Progress:
    """Where an interrupted training goes on: <output>/<name>.progress, written every 500 steps, removed at the end."""

    def __init__(self, options, name, network, optimiser, average):
        self.path = options.output / f"{name}.progress"
        self.parts = {"network": network, "optimiser": optimiser, "average": average}
        self.order = {key: getattr(options, key) for key in ("samples", "batch", "rate", "seed", "processes")}

    def load(self):
        """The step to begin with: 0 without a file."""
        if not self.path.exists():
            return 0
        saved = torch.load(self.path)
        if saved["order"] != self.order:
            raise SystemExit(f"{self.path}: of a training with {saved['order']}, not {self.order}; remove it to begin anew")
        for name, part in self.parts.items():
            part.load_state_dict(saved[name])
        return saved["step"]

    def save(self, step):
        states = {name: part.state_dict() for name, part in self.parts.items()}
        fresh = self.path.with_suffix(".new")
        torch.save({"order": self.order, "step": step, **states}, fresh)
        fresh.rename(self.path)  # A file half written would be worse than an old one.


def fit(rank, options, network, name, steps, losses_of):
    """Descends the sum of losses_of(network, step, rng), a dict of named losses, for `steps` steps.

    Learning rate: rises for 200 steps, then falls as a cosine. Goes on where it was interrupted. The averaged weights,
    which rank 0 saves as <output>/<name>.pt at the end, are in the network afterwards (rank 0 only).
    """
    torch.set_num_threads(1)
    network.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), options.rate, weight_decay=1e-3)
    average = Average(network, 0.998)
    progress = Progress(options, name, network, optimiser, average)
    first = progress.load()
    torch.manual_seed(1000 * (options.seed + first) + rank)  # Noise on pictures differs.
    rng = np.random.default_rng([options.seed, rank, first])
    meeting = options.output.resolve() / f"meeting-{os.getppid()}"
    if options.processes > 1:
        distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=options.processes)
    begin, totals = time.monotonic(), {}
    if rank == 0:
        print(f"{name}: {sum(p.numel() for p in network.parameters())} parameters, steps {first} to {steps}", flush=True)
    for step in range(first, steps):
        rate = options.rate * min((step + 1) / 200, 0.5 + 0.5 * math.cos(math.pi * step / steps) + 0.005)
        for group in optimiser.param_groups:
            group["lr"] = rate
        losses = losses_of(network, step, rng)
        optimiser.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        if options.processes > 1:
            share_gradients(network, options.processes)
        nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        if rank > 0:
            continue
        average.update(network)
        for key, loss in losses.items():
            totals[key] = totals.get(key, 0.0) + loss.item() / 50
        if (step + 1) % 50 == 0:
            print(f"step {step + 1}/{steps}  {'  '.join(f'{key} {total:.3f}' for key, total in totals.items())}  "
                  f"{time.monotonic() - begin:.0f} s", flush=True)
            totals = {}
        if (step + 1) % 500 == 0:
            progress.save(step + 1)
    if rank == 0:
        network.load_state_dict(average.state)
        torch.save(average.state, options.output / f"{name}.pt")
        for path in (progress.path, meeting):
            path.unlink(missing_ok=True)


def export(module, shape, path, outputs):
    """Writes the deployed form of a network as ONNX."""
    module = module.to(memory_format=torch.contiguous_format).eval()
    torch.onnx.export(module, torch.zeros(shape), path, input_names=["image"], output_names=outputs, opset_version=13)
