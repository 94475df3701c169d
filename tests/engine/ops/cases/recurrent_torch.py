"""Recurrent operators against PyTorch's modules, whose gates stand in another order."""

import numpy as np
import torch

# PyTorch: i f g(candidate) o; IR: f i c o. PyTorch's GRU: r z n; IR: z r h.
LSTM_ORDER = [1, 0, 2, 3]
GRU_ORDER = [1, 0, 2]


def reorder(array, order):
    parts = np.split(array, len(order))
    return np.concatenate([parts[i] for i in order])


def weights(module, order, suffix):
    named = {name: value.detach().numpy() for name, value in module.named_parameters()}
    return {kind: reorder(named[f"{kind}_{suffix}"], order) for kind in
            ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}


def bias_of(part, kind):
    if kind != "gru":
        return part["bias_ih"] + part["bias_hh"]
    own, recurrent = np.split(part["bias_ih"], 3), np.split(part["bias_hh"], 3)
    return np.concatenate([own[0] + recurrent[0], own[1] + recurrent[1], own[2], recurrent[2]])


def sequence_case(writer, kind, direction, lengths, steps=5, batch=3, inputs=4, hidden=6):
    order = {"lstm": LSTM_ORDER, "gru": GRU_ORDER, "rnn": [0]}[kind]
    both = direction == "bidirectional"
    module_type = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[kind]
    torch.manual_seed(7)
    module = module_type(inputs, hidden, batch_first=True, bidirectional=both)
    count = 2 if both else 1
    x = torch.from_numpy(writer.noise(batch, steps, inputs))
    h0 = torch.from_numpy(writer.noise(count, batch, hidden))
    c0 = torch.from_numpy(writer.noise(count, batch, hidden))
    given = x.clone()
    if direction == "reverse":  # PyTorch has no such direction: turn each sequence by hand
        for n, length in enumerate(lengths):
            given[n, :length] = x[n, :length].flip(0)
    packed = torch.nn.utils.rnn.pack_padded_sequence(given, lengths, batch_first=True, enforce_sorted=False)
    with torch.no_grad():
        result, state = module(packed, (h0, c0) if kind == "lstm" else h0)
    y, _ = torch.nn.utils.rnn.pad_packed_sequence(result, batch_first=True, total_length=steps)
    y = y.numpy().reshape(batch, steps, count, hidden).transpose(0, 2, 1, 3).copy()
    if direction == "reverse":
        for n, length in enumerate(lengths):
            y[n, :, :length] = y[n, :, :length][:, ::-1].copy()
    states = [s.numpy().transpose(1, 0, 2) for s in (state if kind == "lstm" else [state])]
    parts = [weights(module, order, "l0" + ("_reverse" if d == 1 else "")) for d in range(count)]
    initial = [h0.numpy().transpose(1, 0, 2)] + ([c0.numpy().transpose(1, 0, 2)] if kind == "lstm" else [])
    given_inputs = [x.numpy()] + initial + [np.array(lengths, np.int32),
                                            np.stack([p["weight_ih"] for p in parts]),
                                            np.stack([p["weight_hh"] for p in parts]),
                                            np.stack([bias_of(p, kind) for p in parts])]
    attributes = f"hidden_size={hidden} direction={direction}" + (" linear_before_reset=true" if kind == "gru" else "")
    writer.case(f"{kind}_sequence_{direction}_{'_'.join(map(str, lengths))}", f"{kind.upper()}Sequence", given_inputs,
                [y] + states, attributes)


def cell_case(writer, kind, batch=2, inputs=3, hidden=5):
    order = {"lstm": LSTM_ORDER, "gru": GRU_ORDER, "rnn": [0]}[kind]
    module_type = {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell, "rnn": torch.nn.RNNCell}[kind]
    torch.manual_seed(8)
    module = module_type(inputs, hidden, **({"nonlinearity": "relu"} if kind == "rnn" else {}))
    x, h, c = (torch.from_numpy(writer.noise(batch, n)) for n in (inputs, hidden, hidden))
    with torch.no_grad():
        result = module(x, (h, c)) if kind == "lstm" else [module(x, h)]
    named = {name: reorder(value.detach().numpy(), order) for name, value in module.named_parameters()}
    states = [h.numpy()] + ([c.numpy()] if kind == "lstm" else [])
    attributes = f"hidden_size={hidden}" + {"gru": " linear_before_reset=true", "rnn": " activations=relu"}.get(kind, "")
    writer.case(f"{kind}_cell", f"{kind.upper()}Cell",
                [x.numpy()] + states + [named["weight_ih"], named["weight_hh"], bias_of(named, kind)],
                [r.numpy() for r in result], attributes)


def write(writer):
    for kind in ("lstm", "gru", "rnn"):
        cell_case(writer, kind)
        for direction in ("forward", "reverse", "bidirectional"):
            sequence_case(writer, kind, direction, [5, 5, 5])
            sequence_case(writer, kind, direction, [5, 1, 3])
