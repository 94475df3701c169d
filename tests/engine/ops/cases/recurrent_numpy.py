"""What PyTorch does not offer: clipping, other activations, the reset gate before the product (formulas of the pages)."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def write(writer):
    batch, inputs, hidden = 2, 3, 4
    x, h, c = (writer.noise(batch, n).astype(np.float64) for n in (inputs, hidden, hidden))

    w, r, b = writer.noise(4 * hidden, inputs), writer.noise(4 * hidden, hidden), writer.noise(4 * hidden)
    f, i, g, o = np.split(np.clip(x @ w.T + h @ r.T + b, -0.4, 0.4), 4, axis=1)
    cell = relu(f) * c + relu(i) * sigmoid(g)
    writer.case("lstm_cell_clip", "LSTMCell", [np.float32(x), np.float32(h), np.float32(c), w, r, b],
                [np.float32(relu(o) * np.tanh(cell)), np.float32(cell)],
                f"hidden_size={hidden} clip=0.4 activations=relu,sigmoid,tanh")
    f, i, g, o = np.split(x @ w.T + h @ r.T, 4, axis=1)
    cell = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    writer.case("lstm_cell_without_bias", "LSTMCell", [np.float32(x), np.float32(h), np.float32(c), w, r],
                [np.float32(sigmoid(o) * np.tanh(cell)), np.float32(cell)],
                f"hidden_size={hidden} weights_format=fico input_forget=false", opset=1)

    w, r, b = writer.noise(3 * hidden, inputs), writer.noise(3 * hidden, hidden), writer.noise(3 * hidden)
    (wz, wr, wh), (rz, rr, rh), (bz, br, bh) = np.split(w, 3), np.split(r, 3), np.split(b, 3)
    z = sigmoid(x @ wz.T + h @ rz.T + bz)
    reset = sigmoid(x @ wr.T + h @ rr.T + br)
    candidate = np.tanh(np.clip(x @ wh.T + (reset * h) @ rh.T + bh, -2, 2))
    writer.case("gru_cell_reset_first", "GRUCell", [np.float32(x), np.float32(h), w, r, b],
                [np.float32((1 - z) * candidate + z * h)], f"hidden_size={hidden} clip=2")

    w, r = writer.noise(hidden, inputs), writer.noise(hidden, hidden)
    writer.case("rnn_cell_without_bias", "RNNCell", [np.float32(x), np.float32(h), w, r],
                [np.float32(sigmoid(np.clip(x @ w.T + h @ r.T, -0.3, 0.3)))],
                f"hidden_size={hidden} clip=0.3 activations=sigmoid")
