// What this process may use of the machine's processors.
#pragma once

#include <string>

namespace fovea {

/// Cores this process may keep busy: the affinity mask, limited by the cgroup's CPU quota (rounded up). At least 1.
int available_cores();

/// "AMD EPYC 9B45" from /proc/cpuinfo, or "unknown processor".
std::string cpu_model_name();

/// Widest vector instructions found: "AVX-512", "AVX2", "SSE4.2" or "baseline".
std::string cpu_vector_extension();

/// True where pairs of bf16 are multiplied and added by one instruction (AVX512_BF16).
bool cpu_multiplies_bf16();

/// True where sums of four products of u8 and i8 are one instruction (AVX512_VNNI): older ones saturate.
bool cpu_multiplies_bytes();

}  // namespace fovea
