#include "scratch.h"

#include <cstdlib>
#include <mutex>
#include <new>
#include <tuple>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace moelab {

namespace {

constexpr std::size_t hugePage = std::size_t{2} << 20;
/// A layer's forward and backward pass on one thread, and the same on another.
constexpr std::size_t keptBlocks = 2;

std::mutex mutex;
std::vector<std::pair<char*, std::size_t>>& kept() {
  static auto* blocks = new std::vector<std::pair<char*, std::size_t>>;
  return *blocks;
}

char* allocate(std::size_t size) {
  void* block = std::aligned_alloc(hugePage, size);
  if (!block) throw std::bad_alloc();
#if defined(__linux__)
  madvise(block, size, MADV_HUGEPAGE);
#endif
  return static_cast<char*>(block);
}

}  // namespace

Scratch::Scratch(std::size_t bytes) : size((bytes + hugePage - 1) / hugePage * hugePage) {
  if (size == 0) size = hugePage;
  const std::lock_guard<std::mutex> lock(mutex);
  auto& blocks = kept();
  for (auto it = blocks.begin(); it != blocks.end(); ++it) {
    if (it->second < size) continue;
    std::tie(block, size) = *it;
    blocks.erase(it);
    return;
  }
  // What is kept is too small for what runs now; the larger block will serve both.
  if (!blocks.empty()) {
    std::free(blocks.back().first);
    blocks.pop_back();
  }
  block = allocate(size);
}

Scratch::~Scratch() {
  const std::lock_guard<std::mutex> lock(mutex);
  if (kept().size() < keptBlocks) kept().emplace_back(block, size);
  else std::free(block);
}

void* Scratch::take(std::size_t bytes) {
  char* piece = block + used;
  used += sizeOf(bytes);
  if (used > size) throw std::bad_alloc();
  return piece;
}

void* threadBuffer(std::size_t bytes) {
  struct Buffer {
    char* data = nullptr;
    std::size_t size = 0;
    ~Buffer() { std::free(data); }
  };
  thread_local Buffer buffer;
  if (buffer.size < bytes) {
    std::free(buffer.data);
    buffer.size = 0;
    buffer.data = allocate((bytes + hugePage - 1) / hugePage * hugePage);
    buffer.size = (bytes + hugePage - 1) / hugePage * hugePage;
  }
  return buffer.data;
}

void releaseScratch() {
  const std::lock_guard<std::mutex> lock(mutex);
  for (auto& [block, size] : kept()) std::free(block);
  kept().clear();
}

}  // namespace moelab
