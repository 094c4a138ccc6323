#pragma once
// Collectives as exchanges between ranks, on plain memory. All are direct: every rank sends to every other what that one
// needs, in one step (two for a large allReduce), which is the fewest bytes and, for groups of up to some dozens of
// ranks, the least time.

#include <cstdint>
#include <vector>

#include "group.h"
#include "reduction.h"

namespace moelab::dist {

/// In place. The same bits on all ranks.
void allReduce(Group& group, void* data, size_t elements, ElementType type, ReduceOp op);

/// `out`: the ranks' parts one after another, `bytes[r]` of rank r; this rank's is `mine`.
void allGather(Group& group, const void* mine, void* out, const std::vector<size_t>& bytes);

/// `data` has a part for each rank, of `elements[r]`; `out` gets the reduction of this rank's over all ranks.
void reduceScatter(Group& group, const void* data, void* out, const std::vector<size_t>& elements, ElementType type,
                   ReduceOp op);

/// `send` and `out`: a part to and from each rank, one after another. Empty parts cost no message.
void allToAll(Group& group, const void* send, const std::vector<size_t>& sendBytes, void* out,
              const std::vector<size_t>& receiveBytes);

void broadcast(Group& group, void* data, size_t bytes, int root);

void barrier(Group& group);

}  // namespace moelab::dist
