#pragma once
// Large pieces of host memory are kept when tensors are freed. Fresh memory costs a page fault for every 4 KiB, which is
// more than most operators do with it, and a training step asks for the same pieces as the one before.

#include <cstddef>

namespace moelab {

/// Pieces from this size on are kept.
constexpr size_t kReusedFrom = size_t{2} << 20;

/// 64-byte aligned memory of at least `bytes`; null when the system has none.
void* takeReused(size_t bytes);

/// Whether a kept piece would do.
bool hasReusable(size_t bytes);

/// Takes back what {@link takeReused} gave; false for a pointer that is not from there.
bool giveBack(void* piece);

/// Returns all kept pieces to the system.
void releaseReusable();

}  // namespace moelab
