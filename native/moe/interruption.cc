#include "interruption.h"

namespace moelab {

namespace {

const std::atomic<int32_t> never{0};
std::atomic<const std::atomic<int32_t>*> watched{&never};

}  // namespace

const char* Interrupted::what() const noexcept { return "interrupted before it was done"; }

bool interrupted() { return watched.load(std::memory_order_acquire)->load(std::memory_order_relaxed) != 0; }

void watchForInterrupts(const std::atomic<int32_t>* flag) { watched.store(flag, std::memory_order_release); }

}  // namespace moelab
