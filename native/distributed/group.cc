#include "group.h"

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

namespace moelab::dist {

namespace {

using Clock = std::chrono::steady_clock;

/// A peer that answers at once is not worth sleeping for; longer than this would take the core from who computes.
constexpr int kEagerTurns = 50;
/// How often a sleeping collective looks whether it is to stop.
constexpr int kCheckMilliseconds = 10;

int64_t nanoseconds(Clock::duration time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

}  // namespace

Group::Group(std::string name, int rank, std::vector<int> members, std::vector<std::unique_ptr<Peer>> peers,
             std::chrono::milliseconds timeout)
    : name_(std::move(name)), rank_(rank), members_(std::move(members)), peers_(std::move(peers)), timeout_(timeout),
      wakeDescriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

Group::~Group() {
  abandon("rank " + std::to_string(members_[rank_]) + " has closed the group '" + name_ + "'");
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  ::close(wakeDescriptor_);
}

void Group::run(Operation operation, const Body& body, const CheckCancelled& check) {
  {
    std::unique_lock lock(mutex_);
    if (!queue_.empty() || busy_) {
      lock.unlock();
      return wait(start(operation, body), check);
    }
  }
  const auto began = Clock::now();
  const std::lock_guard running(running_);
  check_ = &check;
  try {
    runOne(operation, body);
  } catch (...) {
    check_ = nullptr;
    throw;
  }
  check_ = nullptr;
  traffic_.waiting += nanoseconds(Clock::now() - began);
}

Group::Job Group::start(Operation operation, Body body) {
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  queue_.push_back({++lastJob_, operation, std::move(body)});
  changed_.notify_all();
  return lastJob_;
}

bool Group::finished(Job job) {
  const std::lock_guard lock(mutex_);
  return finished_.contains(job);
}

void Group::wait(Job job, const CheckCancelled& check) {
  const auto began = Clock::now();
  std::unique_lock lock(mutex_);
  if (job == 0 || job > lastJob_) throw GroupError("no collective of group '" + name_ + "' has this number");
  while (!finished_.contains(job)) {
    changed_.wait_for(lock, std::chrono::milliseconds(kCheckMilliseconds));
    if (finished_.contains(job)) break;
    lock.unlock();
    try {
      check();
    } catch (const std::exception& fault) {
      abandon("rank " + std::to_string(members_[rank_]) + ": " + fault.what());
      // The tensors of the job are the caller's: they must not be freed while it runs.
      lock.lock();
      changed_.wait(lock, [&] { return finished_.contains(job); });
      finished_.erase(job);
      throw;
    }
    lock.lock();
  }
  const std::exception_ptr fault = finished_[job];
  finished_.erase(job);
  traffic_.waiting += nanoseconds(Clock::now() - began);
  if (fault) std::rethrow_exception(fault);
}

void Group::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return closing_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Queued next = std::move(queue_.front());
    queue_.pop_front();
    busy_ = true;
    lock.unlock();
    std::exception_ptr fault;
    try {
      const std::lock_guard running(running_);
      runOne(next.operation, next.body);
    } catch (...) {
      fault = std::current_exception();
    }
    next.body = nullptr;
    lock.lock();
    busy_ = false;
    finished_[next.job] = fault;
    changed_.notify_all();
  }
}

void Group::runOne(Operation operation, const Body& body) {
  if (abandoned_) {
    const std::lock_guard lock(mutex_);
    throw GroupError(std::string(operationName(operation)) + ": the group '" + name_ + "' has ended: " + reason_);
  }
  ++sequence_;
  operation_ = operation;
  const auto began = Clock::now();
  try {
    body(*this);
  } catch (const GroupError& fault) {
    markAbandoned(fault.what());
    tellPeers();
    throw;
  } catch (const std::exception& fault) {
    markAbandoned("rank " + std::to_string(members_[rank_]) + ": " + fault.what());
    tellPeers();
    throw;
  }
  ++traffic_.collectives;
  traffic_.communicating += nanoseconds(Clock::now() - began);
}

void Group::abandon(const std::string& reason) {
  if (!markAbandoned(reason)) return;
  wake();
  // While a collective runs, its thread does it.
  const std::unique_lock running(running_, std::try_to_lock);
  if (running) tellPeers();
}

bool Group::markAbandoned(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (abandoned_) return false;
  reason_ = reason;
  abandoned_ = true;
  return true;
}

void Group::tellPeers() {
  for (const auto& peer : peers_) {
    if (peer) peer->abandon(reason_);
  }
}

void Group::wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wakeDescriptor_, &one, sizeof(one));
}

void Group::exchange(const std::vector<Transfer>& transfers) {
  std::vector<Peer*> active;
  for (const Transfer& transfer : transfers) {
    if (!transfer.sends && !transfer.receives) continue;
    Peer& peer = *peers_.at(transfer.rank);
    peer.begin(transfer, operation_, sequence_);
    active.push_back(&peer);
    if (!transfer.sends) continue;
    ++traffic_.messages;
    traffic_.bytes += static_cast<int64_t>(transfer.sendBytes);
  }
  auto lastProgress = Clock::now();
  for (int idle = 0; !active.empty(); ++idle) {
    bool progressed = false;
    for (Peer* peer : active) progressed |= peer->progress();
    std::erase_if(active, [](Peer* peer) { return peer->done(); });
    if (progressed) {
      idle = 0;
      lastProgress = Clock::now();
    } else if (!active.empty()) {
      waitForProgress(active, idle);
      if (idle > kEagerTurns && Clock::now() - lastProgress > timeout_) timedOut(active);
    }
  }
}

void Group::waitForProgress(const std::vector<Peer*>& active, int sinceProgress) {
  if (sinceProgress < kEagerTurns) {
    ::sched_yield();
    return;
  }
  if (check_) (*check_)();
  std::vector<pollfd> waited{{wakeDescriptor_, POLLIN, 0}};
  for (const Peer* peer : active) {
    waited.push_back({peer->socket(), static_cast<short>(POLLIN | (peer->wantsToWrite() ? POLLOUT : 0)), 0});
  }
  ::poll(waited.data(), waited.size(), kCheckMilliseconds);
  if (!abandoned_) return;
  const std::lock_guard lock(mutex_);
  throw GroupError(reason_);
}

void Group::timedOut(const std::vector<Peer*>& active) {
  std::ostringstream seconds;
  seconds << timeout_.count() / 1000.0;
  std::string missing;
  for (const Peer* peer : active) missing += (missing.empty() ? "" : ", ") + std::to_string(peer->rank());
  throw GroupError(std::string(operationName(operation_)) + " number " + std::to_string(sequence_) + " of group '" + name_ +
                   "': nothing came from rank " + missing + " for " + seconds.str() +
                   " s; it hangs, or does not call the same collectives");
}

}  // namespace moelab::dist
