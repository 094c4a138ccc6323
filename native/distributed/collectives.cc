#include "collectives.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace moelab::dist {

namespace {

/// Up to here every rank sends all it has to every other and adds for itself: one step instead of two.
constexpr size_t kOneStepBytes = 16 << 10;
/// Of each rank's share at a time, which bounds the memory beside the data.
constexpr size_t kPieceBytes = 4 << 20;

/// First element of rank's share of n.
size_t shareBegin(size_t n, int rank, int size) { return n * rank / size; }

template <typename MakeTransfer>
void exchangeWithAll(Group& group, const MakeTransfer& make) {
  std::vector<Transfer> transfers;
  // Beginning with the next rank, so that not all turn to the first at once.
  for (int step = 1; step < group.size(); ++step) transfers.push_back(make((group.rank() + step) % group.size()));
  group.exchange(transfers);
}

/// Out of `parts[r]` for the other ranks and `mine`, in the order of the ranks.
void reduceParts(const Group& group, ReduceOp op, ElementType type, const char* parts, size_t stride, const void* mine,
                 size_t elements, void* out) {
  std::vector<const void*> from(group.size());
  for (int rank = 0; rank < group.size(); ++rank) from[rank] = parts + stride * rank;
  from[group.rank()] = mine;
  reduce(op, type, from.data(), group.size(), elements, out);
}

std::unique_ptr<char[]> scratch(size_t bytes) { return std::unique_ptr<char[]>(new char[bytes]); }

}  // namespace

void allReduce(Group& group, void* data, size_t elements, ElementType type, ReduceOp op) {
  const int size = group.size(), rank = group.rank();
  const size_t width = bytesOf(type), bytes = elements * width;
  char* const begin = static_cast<char*>(data);
  if (size == 1 || elements == 0) return;
  if (bytes <= kOneStepBytes) {
    const auto parts = scratch(bytes * size);
    exchangeWithAll(group, [&](int other) {
      return Transfer{other}.sending(data, bytes).receiving(parts.get() + bytes * other, bytes);
    });
    return reduceParts(group, op, type, parts.get(), bytes, data, elements, data);
  }
  const size_t largest = (elements + size - 1) / size;
  const size_t piece = std::min(largest, kPieceBytes / width);
  const auto parts = scratch(piece * width * size);
  // Of each rank's share, the elements from `at` on.
  for (size_t at = 0; at < largest; at += piece) {
    const auto share = [&](int of) {
      const size_t first = shareBegin(elements, of, size), end = shareBegin(elements, of + 1, size);
      const size_t from = std::min(first + at, end);
      return std::pair(begin + from * width, std::min(piece, end - from) * width);
    };
    const auto [mine, myBytes] = share(rank);
    exchangeWithAll(group, [&, mine = mine, myBytes = myBytes](int other) {
      const auto [theirs, theirBytes] = share(other);
      return Transfer{other}.sending(theirs, theirBytes).receiving(parts.get() + piece * width * other, myBytes);
    });
    reduceParts(group, op, type, parts.get(), piece * width, mine, myBytes / width, mine);
    exchangeWithAll(group, [&, mine = mine, myBytes = myBytes](int other) {
      const auto [theirs, theirBytes] = share(other);
      return Transfer{other}.sending(mine, myBytes).receiving(theirs, theirBytes);
    });
  }
}

void allGather(Group& group, const void* mine, void* out, const std::vector<size_t>& bytes) {
  std::vector<char*> place;
  char* at = static_cast<char*>(out);
  for (const size_t each : bytes) {
    place.push_back(at);
    at += each;
  }
  const int rank = group.rank();
  if (bytes[rank] > 0) std::memcpy(place[rank], mine, bytes[rank]);
  exchangeWithAll(group, [&](int other) {
    Transfer transfer{other};
    if (bytes[rank] > 0) transfer.sending(mine, bytes[rank]);
    if (bytes[other] > 0) transfer.receiving(place[other], bytes[other]);
    return transfer;
  });
}

void reduceScatter(Group& group, const void* data, void* out, const std::vector<size_t>& elements, ElementType type,
                   ReduceOp op) {
  const int size = group.size(), rank = group.rank();
  const size_t width = bytesOf(type), mine = elements[rank] * width;
  std::vector<const char*> place;
  const char* at = static_cast<const char*>(data);
  size_t largest = 0;
  for (const size_t each : elements) {
    place.push_back(at);
    at += each * width;
    largest = std::max(largest, each);
  }
  const size_t piece = std::max<size_t>(1, std::min(largest, kPieceBytes / width));
  const auto parts = scratch(piece * width * size);
  for (size_t from = 0; from < largest; from += piece) {
    const auto left = [&](int of) { return std::min(piece, elements[of] - std::min(from, elements[of])) * width; };
    exchangeWithAll(group, [&](int other) {
      Transfer transfer{other};
      if (left(other) > 0) transfer.sending(place[other] + from * width, left(other));
      if (left(rank) > 0) transfer.receiving(parts.get() + piece * width * other, left(rank));
      return transfer;
    });
    if (left(rank) > 0) {
      reduceParts(group, op, type, parts.get(), piece * width, place[rank] + from * width, left(rank) / width,
                  static_cast<char*>(out) + from * width);
    }
  }
}

void allToAll(Group& group, const void* send, const std::vector<size_t>& sendBytes, void* out,
              const std::vector<size_t>& receiveBytes) {
  const int size = group.size(), rank = group.rank();
  std::vector<const char*> source(size);
  std::vector<char*> target(size);
  for (size_t at = 0, other = 0; other < source.size(); at += sendBytes[other++]) {
    source[other] = static_cast<const char*>(send) + at;
  }
  for (size_t at = 0, other = 0; other < target.size(); at += receiveBytes[other++]) {
    target[other] = static_cast<char*>(out) + at;
  }
  if (sendBytes[rank] > 0) std::memcpy(target[rank], source[rank], sendBytes[rank]);
  exchangeWithAll(group, [&](int other) {
    Transfer transfer{other};
    if (sendBytes[other] > 0) transfer.sending(source[other], sendBytes[other]);
    if (receiveBytes[other] > 0) transfer.receiving(target[other], receiveBytes[other]);
    return transfer;
  });
}

void broadcast(Group& group, void* data, size_t bytes, int root) {
  if (bytes == 0) return;
  if (group.rank() == root) {
    exchangeWithAll(group, [&](int other) { return Transfer{other}.sending(data, bytes); });
  } else {
    group.exchange({Transfer{root}.receiving(data, bytes)});
  }
}

void barrier(Group& group) {
  exchangeWithAll(group, [](int other) { return Transfer{other}.sending(nullptr, 0).receiving(nullptr, 0); });
}

}  // namespace moelab::dist
