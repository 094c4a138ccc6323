// Counting sort in three steps: each block counts its assignments by bucket, a scan turns the counts of the blocks into the
// first place of each block in each bucket, and each block puts its assignments there in their order. Under a capacity of
// groups or with priorities, a first sort over (group, expert) finds out who is taken.

#include "dispatch.h"

#include "failure.h"
#include "scratch.h"
#include "warp.cuh"

namespace moelab::cuda {

namespace {

constexpr int warps = 8;
constexpr int sortThreads = warps * 32;
constexpr int itemsPerWarp = 128;
constexpr int64_t itemsPerBlock = warps * itemsPerWarp;

/// One sort: the items in their order, and the bucket of each.
struct Sort {
  Assignments asked;
  int64_t buckets;
  bool byGroup;             // buckets are group · count + expert
  bool* accepted;           // [T · choices] by number; of the first sort the result, of the second who takes part
  int32_t* blockCounts;     // [blocks, buckets]
  int32_t* failure;
};

struct Item {
  int64_t number;
  int bucket;  // -1: takes no part
};

__device__ __forceinline__ Item itemAt(const Sort& sort, int64_t index) {
  const Assignments& asked = sort.asked;
  if (index >= asked.tokens * asked.choices) return {0, -1};
  const int64_t number = sort.byGroup && asked.sequence ? asked.sequence[index] : index;
  const int64_t token = number % asked.tokens, at = token * asked.choices + number / asked.tokens;
  const int64_t expert = asked.experts[at];
  if (expert < 0 || expert >= asked.count) {
    *sort.failure = static_cast<int32_t>(Failure::expertOutOfRange);
    return {number, -1};
  }
  if ((asked.kept && !asked.kept[at]) || (!sort.byGroup && sort.accepted && !sort.accepted[number])) return {number, -1};
  const int64_t group = sort.byGroup ? token / (asked.tokens / asked.groups) : 0;
  return {number, static_cast<int>(group * asked.count + expert)};
}

__global__ void __launch_bounds__(sortThreads) countBuckets(Sort sort) {
  int* const counts = reinterpret_cast<int*>(sharedMemory());
  for (int64_t i = threadIdx.x; i < sort.buckets; i += sortThreads) counts[i] = 0;
  __syncthreads();
  for (int64_t i = threadIdx.x; i < itemsPerBlock; i += sortThreads) {
    const Item item = itemAt(sort, blockIdx.x * itemsPerBlock + i);
    if (item.bucket >= 0) atomicAdd(&counts[item.bucket], 1);
  }
  __syncthreads();
  for (int64_t i = threadIdx.x; i < sort.buckets; i += sortThreads) {
    sort.blockCounts[blockIdx.x * sort.buckets + i] = counts[i];
  }
}

/// A thread for each bucket: from the count of each block to that of the blocks before it.
__global__ void __launch_bounds__(sortThreads) scanBlocks(int32_t* blockCounts, int64_t blocks, int64_t buckets,
                                                          int32_t* total) {
  const int64_t bucket = static_cast<int64_t>(blockIdx.x) * sortThreads + threadIdx.x;
  if (bucket >= buckets) return;
  int32_t sum = 0;
#pragma unroll 8
  for (int64_t block = 0; block < blocks; ++block) {
    const int32_t own = blockCounts[block * buckets + bucket];
    blockCounts[block * buckets + bucket] = sum;
    sum += own;
  }
  total[bucket] = sum;
}

/// One block: load and taken of each expert, and its first row.
__global__ void __launch_bounds__(sortThreads) sumGroups(const int32_t* total, int64_t count, int64_t groups,
                                                         int64_t capacity, int64_t* load, int64_t* taken, int32_t* start) {
  int32_t* const scratch = reinterpret_cast<int32_t*>(sharedMemory());
  int32_t before = 0;
  for (int64_t first = 0; first < count; first += sortThreads) {
    const int64_t e = first + threadIdx.x;
    int32_t asked = 0, takes = 0;
    for (int64_t group = 0; e < count && group < groups; ++group) {
      const int32_t own = total[group * count + e];
      asked += own;
      takes += capacity >= 0 && own > capacity ? static_cast<int32_t>(capacity) : own;
    }
    const int32_t end = blockPrefix(takes, scratch) + before;
    if (e < count) {
      load[e] = asked;
      taken[e] = takes;
      start[e] = end - takes;
    }
    __syncthreads();
    if (threadIdx.x == sortThreads - 1) scratch[0] = end;
    __syncthreads();
    before = scratch[0];
    __syncthreads();
  }
}

/// @param start     [buckets] first row of each; null: only `accepted` is written
/// @param capacity  rank from which on items are left out; negative for none
__global__ void __launch_bounds__(sortThreads) placeItems(Sort sort, const int32_t* start, int64_t capacity,
                                                          int64_t* order) {
  int* const next = reinterpret_cast<int*>(sharedMemory());  // [warps, buckets]
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int* const own = next + warp * sort.buckets;
  for (int64_t i = threadIdx.x; i < warps * sort.buckets; i += sortThreads) next[i] = 0;
  __syncthreads();
  const int64_t first = blockIdx.x * itemsPerBlock + warp * itemsPerWarp;
  for (int i = lane; i < itemsPerWarp; i += 32) {
    const Item item = itemAt(sort, first + i);
    const unsigned same = __match_any_sync(allLanes, item.bucket);
    if (item.bucket >= 0 && __ffs(same) - 1 == lane) own[item.bucket] += __popc(same);
    __syncwarp();
  }
  __syncthreads();
  for (int64_t bucket = threadIdx.x; bucket < sort.buckets; bucket += sortThreads) {
    int sum = sort.blockCounts[blockIdx.x * sort.buckets + bucket];
    for (int w = 0; w < warps; ++w) {
      const int count = next[w * sort.buckets + bucket];
      next[w * sort.buckets + bucket] = sum;
      sum += count;
    }
  }
  __syncthreads();
  for (int i = lane; i < itemsPerWarp; i += 32) {
    const Item item = itemAt(sort, first + i);
    const unsigned same = __match_any_sync(allLanes, item.bucket);
    const int rank = item.bucket >= 0 ? own[item.bucket] + __popc(same & ((1u << lane) - 1)) : 0;
    __syncwarp();
    if (item.bucket >= 0) {
      const bool taken = capacity < 0 || rank < capacity;
      if (start) {
        if (taken) order[start[item.bucket] + rank] = item.number;
      } else {
        sort.accepted[item.number] = taken;
      }
      if (__ffs(same) - 1 == lane) own[item.bucket] += __popc(same);
    }
    __syncwarp();
  }
}

__global__ void __launch_bounds__(sortThreads) fillOrder(int64_t* order, int64_t count) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * sortThreads + threadIdx.x;
  if (i < count) order[i] = -1;
}

/// Whether who is taken is a question of its own.
bool sortsByGroup(const Assignments& asked) { return asked.capacity >= 0 && (asked.groups > 1 || asked.sequence); }

struct Memory {
  Scratch scratch;
  int64_t blocks, buckets;
  int32_t *blockCounts, *total, *start;
  bool* accepted;

  Memory(const Assignments& asked, void* memory) : scratch(memory) {
    blocks = parts(asked.number(), itemsPerBlock);
    buckets = sortsByGroup(asked) ? asked.count * asked.groups : asked.count;
    blockCounts = scratch.take<int32_t>(blocks * buckets);
    total = scratch.take<int32_t>(buckets);
    start = scratch.take<int32_t>(asked.count);
    accepted = sortsByGroup(asked) ? scratch.take<bool>(asked.number()) : nullptr;
  }
};

}  // namespace

std::size_t dispatchBytes(const Assignments& asked) { return Memory(asked, nullptr).scratch.used(); }

Status dispatch(const Assignments& asked, void* scratch, int64_t* order, int64_t* load, int64_t* taken, int32_t* failure,
                Stream stream) {
  const Memory memory(asked, scratch);
  const auto shared = [](int64_t lines, int64_t buckets) { return static_cast<std::size_t>(lines * buckets * 4); };
  Launches launches;
  const auto count = [&](const Sort& sort) {
    launches(launch(countBuckets, memory.blocks, sortThreads, shared(1, sort.buckets), stream, sort));
    launches(launch(scanBlocks, parts(sort.buckets, sortThreads), sortThreads, 0, stream, sort.blockCounts, memory.blocks,
                    sort.buckets, memory.total));
  };
  const auto place = [&](const Sort& sort, const int32_t* start, int64_t capacity) {
    launches(launch(placeItems, memory.blocks, sortThreads, shared(warps, sort.buckets), stream, sort, start, capacity,
                    order));
  };
  const bool byGroup = sortsByGroup(asked);
  launches(launch(fillOrder, parts(asked.number(), sortThreads), sortThreads, 0, stream, order, asked.number()));
  Sort sort{asked, memory.buckets, byGroup, memory.accepted, memory.blockCounts, failure};
  count(sort);
  launches(launch(sumGroups, 1, sortThreads, 32 * 4, stream, memory.total, asked.count, byGroup ? asked.groups : 1,
                  asked.capacity, load, taken, memory.start));
  if (byGroup) {
    place(sort, nullptr, asked.capacity);
    sort.byGroup = false;
    sort.buckets = asked.count;
    count(sort);
  }
  place(sort, memory.start, byGroup ? -1 : asked.capacity);
  return launches.status();
}

}  // namespace moelab::cuda
