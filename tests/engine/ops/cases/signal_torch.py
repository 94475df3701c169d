"""STFT against torch.stft, and RandomUniform aligned to PyTorch against PyTorch's generator."""

import numpy as np
import torch


def stft_case(writer, name, shape, window, frame, step, transposed):
    signal, weights = writer.noise(*shape), writer.noise(window, low=0.1)
    spectrum = torch.stft(torch.from_numpy(signal), frame, step, window, torch.from_numpy(weights), center=False,
                          onesided=True, return_complex=True)
    result = torch.view_as_real(spectrum).numpy()  # [..., bins, frames, 2]
    result = result if transposed else np.swapaxes(result, -3, -2)
    writer.case(f"stft_{name}", "STFT",
                [signal, weights, np.array(frame, np.int64), np.array(step, np.int64)], [result],
                f"transpose_frames={str(transposed).lower()}", tolerance=1e-5)


def uniform_case(writer, name, shape, low, high, dtype, drawn):
    writer.case(f"uniform_{name}", "RandomUniform",
                [np.array(shape, np.int64), np.array(low, dtype), np.array(high, dtype)], [drawn.numpy()],
                f"output_type={ {'float32': 'f32', 'float64': 'f64', 'int32': 'i32', 'int64': 'i64'}[np.dtype(dtype).name] } "
                "global_seed=150 alignment=pytorch", tolerance=1e-6)


def write(writer):
    stft_case(writer, "one", (56,), 7, 11, 3, False)
    stft_case(writer, "one_transposed", (56,), 11, 11, 3, True)
    stft_case(writer, "batch", (3, 40), 8, 16, 5, False)
    stft_case(writer, "batch_transposed", (3, 40), 15, 16, 8, True)
    shape = (3, 3)
    torch.manual_seed(150)
    uniform_case(writer, "f32", shape, 0, 1, np.float32, torch.rand(shape))
    torch.manual_seed(150)
    uniform_case(writer, "f64", shape, 2, 10, np.float64, torch.empty(shape, dtype=torch.float64).uniform_(2, 10))
    torch.manual_seed(150)
    uniform_case(writer, "i32", shape, 50, 100, np.int32, torch.empty(shape, dtype=torch.int32).random_(50, 100))
    torch.manual_seed(150)
    uniform_case(writer, "i64", shape, -5, 100, np.int64, torch.empty(shape, dtype=torch.int64).random_(-5, 100))
