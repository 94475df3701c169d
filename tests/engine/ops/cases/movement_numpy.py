"""Operators that rearrange, count and sum, in NumPy."""

import numpy as np


def f64(*arrays):
    return [np.asarray(a, np.float64) for a in arrays]


def i64(values):
    return np.asarray(values, np.int64)


def roll(writer):
    x = writer.noise(3, 4, 5)
    for name, shift, axes in (("both", [2, -7], [0, 2]), ("twice", [1, 2], [1, -2]), ("scalar", 3, [0, 1])):
        shifts = np.broadcast_to(shift, len(axes))
        expected = x
        for one, axis in zip(shifts, axes):
            expected = np.roll(expected, one, axis)
        writer.case(f"roll_{name}", "Roll", [x, i64(shift), i64(axes)], [expected])


def space(writer):
    x = writer.noise(2, 3, 4, 6)
    block, begin, end = [1, 2, 2, 3], [0, 1, 0, 1], [0, 0, 2, 2]
    padded = np.pad(x, list(zip(begin, end)))
    n, c, h, w = padded.shape
    split = padded.reshape(n, c // 2, 2, h // 2, 2, w // 3, 3)
    blocks = split.transpose(2, 4, 6, 0, 1, 3, 5).reshape(-1, c // 2, h // 2, w // 3)
    writer.case("space_to_batch", "SpaceToBatch", [x, i64(block), i64(begin), i64(end)], [blocks])
    writer.case("batch_to_space", "BatchToSpace", [blocks, i64(block), i64(begin), i64(end)], [x])


def patches(writer):
    x = writer.noise(2, 3, 7, 9)
    for name, sizes, strides, rates in (("plain", (3, 2), (2, 3), (1, 1)), ("rates", (2, 3), (1, 2), (3, 2))):
        height = (7 - (sizes[0] - 1) * rates[0] - 1) // strides[0] + 1
        width = (9 - (sizes[1] - 1) * rates[1] - 1) // strides[1] + 1
        out = np.zeros((2, sizes[0] * sizes[1] * 3, height, width), np.float32)
        for r in range(sizes[0]):
            for c in range(sizes[1]):
                for i in range(height):
                    for j in range(width):
                        channel = (r * sizes[1] + c) * 3
                        out[:, channel:channel + 3, i, j] = x[:, :, i * strides[0] + r * rates[0],
                                                              j * strides[1] + c * rates[1]]
        attributes = " ".join(f"{k}={','.join(map(str, v))}" for k, v in
                              (("sizes", sizes), ("strides", strides), ("rates", rates)))
        writer.case(f"extract_image_patches_{name}", "ExtractImagePatches", [x], [out], attributes + " auto_pad=valid")


def bucketize(writer):
    x = np.float32([[-2, 0, 1, 1.5], [2, 2.5, 4, 9]])
    bounds = np.float32([0, 1, 2, 4])
    writer.case("bucketize_right", "Bucketize", [x, bounds], [i64(np.digitize(x, bounds, right=True))])
    writer.case("bucketize_left", "Bucketize", [x, bounds], [i64(np.digitize(x, bounds))], "with_right_bound=false")


def gather_tree(writer):
    # Beam 0 of the last step came from beam 2, that from beam 1; id 9 ends a sequence.
    ids = i64([[[1, 2, 3]], [[4, 9, 6]], [[7, 8, 5]]])
    parents = i64([[[0, 0, 0]], [[1, 0, 1]], [[2, 1, 0]]])
    expected = i64([[[2, 1, 2]], [[6, 9, 4]], [[7, 9, 5]]])
    writer.case("gather_tree", "GatherTree", [ids, parents, i64([3]), i64(9)], [expected])
    shorter = i64([[[2, 1, 2]], [[4, 9, 6]], [[9, 9, 9]]])
    writer.case("gather_tree_short", "GatherTree", [ids, parents, i64([2]), i64(9)], [shorter])


def embeddings(writer):
    table = writer.noise(6, 2, 3)
    indices, weights = i64([0, 2, 5, 2, 1]), writer.noise(5)
    rows = table[indices] * weights[:, None, None]
    offsets = i64([0, 2, 2, 3])
    bags = [rows[0:2].sum(0), table[4], rows[2], rows[3:].sum(0)]
    writer.case("embedding_offsets", "EmbeddingBagOffsetsSum", [table, indices, offsets, i64(4), weights],
                [np.stack(bags)])
    plain = table[indices]
    zeros = np.zeros((2, 3), np.float32)
    writer.case("embedding_offsets_empty", "EmbeddingBagOffsetsSum", [table, indices, offsets],
                [np.stack([plain[:2].sum(0), zeros, plain[2], plain[3:].sum(0)])])
    packed, factors = i64([[0, 1], [3, 3], [5, 2]]), writer.noise(3, 2)
    writer.case("embedding_packed", "EmbeddingBagPackedSum", [table, packed, factors],
                [(table[packed] * factors[:, :, None, None]).sum(1)])
    segments = i64([0, 0, 2, 3, 3])
    writer.case("embedding_segments", "EmbeddingSegmentsSum", [table, indices, segments, i64(5), i64(1), weights],
                [np.stack([rows[:2].sum(0), table[1], rows[2], rows[3:].sum(0), table[1]])])


def unique(writer):
    x = np.float32([[3, 1, 3], [2, 1, 0]])
    values, first, inverse, counts = np.unique(x, return_index=True, return_inverse=True, return_counts=True)
    writer.case("unique_sorted", "Unique", [x], [values, i64(first), i64(inverse.reshape(-1)), i64(counts)])
    writer.case("unique_found", "Unique", [x],
                [np.float32([3, 1, 2, 0]), i64([0, 1, 3, 5]), i64([0, 1, 0, 2, 1, 3]), i64([2, 2, 1, 1])],
                "sorted=false")
    y = i64([[1, 2, 1], [0, 5, 0], [1, 2, 1]])
    for axis in (0, 1):
        values, first, inverse, counts = np.unique(y, return_index=True, return_inverse=True, return_counts=True,
                                                   axis=axis)
        writer.case(f"unique_axis_{axis}", "Unique", [y, i64([axis])],
                    [values, i64(first), i64(inverse.reshape(-1)), i64(counts)])


def eye(writer):
    writer.case("eye", "Eye", [i64(3), i64([4]), i64(1)], [np.eye(3, 4, 1, dtype=np.float32)])
    writer.case("eye_batch", "Eye", [i64(2), i64(3), i64([-1]), i64([2, 2])],
                [np.broadcast_to(np.eye(2, 3, -1, dtype=np.int32), (2, 2, 2, 3))], "output_type=i32")


def fourier(writer):
    def pairs(z):
        return np.stack([z.real, z.imag], -1).astype(np.float32)

    z = writer.noise(3, 4, 5) + 1j * writer.noise(3, 4, 5)
    writer.case("dft", "DFT", [pairs(z), i64([1, -1])], [pairs(np.fft.fftn(z, axes=[1, 2]))])
    writer.case("dft_sizes", "DFT", [pairs(z), i64([0, 2]), i64([-1, 8])],
                [pairs(np.fft.fftn(z, s=[3, 8], axes=[0, 2]))])
    writer.case("idft", "IDFT", [pairs(z), i64([2, 0]), i64([3, 4])], [pairs(np.fft.ifftn(z, s=[3, 4], axes=[2, 0]))])
    x = writer.noise(3, 6, 5)
    for name, axes, sizes in (("even", [0, 1], None), ("odd", [2], None), ("sizes", [1, 2], [8, 4])):
        inputs = [x, i64(axes)] + ([i64(sizes)] if sizes else [])
        writer.case(f"rdft_{name}", "RDFT", inputs, [pairs(np.fft.rfftn(x, s=sizes, axes=axes))])
        half = np.fft.rfftn(x, s=sizes, axes=axes)
        inputs[0] = pairs(half)
        back = np.fft.irfftn(half.astype(np.complex64), s=sizes, axes=axes).astype(np.float32)
        writer.case(f"irdft_{name}", "IRDFT", inputs, [back])
    full = np.fft.rfftn(x, axes=[2])
    writer.case("irdft_odd_size", "IRDFT", [pairs(full), i64([2]), i64([5])],
                [np.fft.irfftn(full, s=[5], axes=[2]).astype(np.float32)])


def attention(writer):
    q, k, v = writer.noise(2, 3, 4, 6), writer.noise(2, 3, 5, 6), writer.noise(2, 1, 5, 7)

    def expected(scores):
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        return (weights / weights.sum(-1, keepdims=True) @ v.astype(np.float64)).astype(np.float32)

    scores = q.astype(np.float64) @ k.astype(np.float64).transpose(0, 1, 3, 2)
    writer.case("attention", "ScaledDotProductAttention", [q, k, v], [expected(scores / np.sqrt(6))])
    mask = writer.noise(4, 5)
    writer.case("attention_added", "ScaledDotProductAttention", [q, k, v, mask, np.float32(0.3)],
                [expected(scores * np.float32(0.3) + mask)])
    keep = writer.random.integers(0, 2, (2, 1, 4, 5)).astype(bool)
    keep[..., 0] = True
    writer.case("attention_boolean", "ScaledDotProductAttention", [q, k, v, keep],
                [expected(np.where(keep, scores / np.sqrt(6), -np.inf))])
    causal = np.tril(np.ones((4, 5), bool))
    writer.case("attention_causal", "ScaledDotProductAttention", [q, k, v],
                [expected(np.where(causal, scores / np.sqrt(6), -np.inf))], "causal=true")


def small(writer):
    writer.case("is_finite", "IsFinite", [np.float32([1, np.inf, -np.inf, np.nan, 0])],
                [np.array([True, False, False, False, True])])
    writer.case("bitwise_not", "BitwiseNot", [np.uint8([0, 1, 254])], [np.uint8([255, 254, 1])])
    writer.case("bitwise_not_boolean", "BitwiseNot", [np.array([True, False])], [np.array([False, True])])
    x, scale, bias = writer.noise(2, 6, 3, 2), writer.noise(6), writer.noise(6)
    groups = x.astype(np.float64).reshape(2, 3, -1)
    normal = (groups - groups.mean(-1, keepdims=True)) / np.sqrt(groups.var(-1, keepdims=True) + 1e-3)
    expected = normal.reshape(x.shape) * scale[:, None, None] + bias[:, None, None]
    writer.case("group_normalization", "GroupNormalization", [x, scale, bias], [np.float32(expected)],
                "num_groups=3 epsilon=0.001")


def pictures(writer):
    y = writer.random.integers(0, 256, (2, 4, 6, 1)).astype(np.float32)
    u, v = (writer.random.integers(0, 256, (2, 2, 3, 1)).astype(np.float32) for _ in range(2))
    luma = 1.164 * (y[..., 0].astype(np.float64) - 16)
    du, dv = (np.repeat(np.repeat(p[..., 0].astype(np.float64), 2, 1), 2, 2) - 128 for p in (u, v))
    rgb = np.stack([luma + 1.596 * dv, luma - 0.813 * dv - 0.391 * du, luma + 2.018 * du], -1).clip(0, 255)
    rgb, bgr = np.float32(rgb), np.float32(rgb[..., ::-1])
    uv = np.concatenate([u, v], -1)
    one_nv12 = np.concatenate([y, uv.reshape(2, 2, 6, 1)], 1)
    one_i420 = np.concatenate([y, u.reshape(2, 1, 6, 1), v.reshape(2, 1, 6, 1)], 1)
    writer.case("nv12_rgb", "NV12toRGB", [y, uv], [rgb])
    writer.case("nv12_bgr_one_plane", "NV12toBGR", [one_nv12], [bgr])
    writer.case("i420_bgr", "I420toBGR", [y, u, v], [bgr])
    writer.case("i420_rgb_one_plane", "I420toRGB", [one_i420], [rgb])


def write(writer):
    for part in (roll, space, patches, bucketize, gather_tree, embeddings, unique, eye, fourier, attention, small,
                 pictures):
        part(writer)
