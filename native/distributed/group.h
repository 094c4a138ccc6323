#pragma once
// The ranks that communicate with one another, and the order in which they do.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "connecting.h"
#include "peer.h"

namespace moelab::dist {

/// What went through a group so far.
struct Traffic {
  std::atomic<int64_t> messages{0};         // sent, those without content (barriers) included
  std::atomic<int64_t> bytes{0};            // sent, content only
  std::atomic<int64_t> collectives{0};
  std::atomic<int64_t> communicating{0};    // nanoseconds in collectives, on whatever thread
  std::atomic<int64_t> waiting{0};          // nanoseconds in which the caller waited for them
};

/**
 * Collectives of a group run one after another, in the order in which they were started; all ranks must start the same
 * ones in the same order. Once one has failed every later one fails with the same message.
 */
class Group {
 public:
  using Job = uint64_t;
  /// Runs steps of a collective by exchange().
  using Body = std::function<void(Group&)>;

  /// `members`: the ranks in the world of this group's ranks, for messages.
  Group(std::string name, int rank, std::vector<int> members, std::vector<std::unique_ptr<Peer>> peers,
        std::chrono::milliseconds timeout);
  ~Group();
  Group(const Group&) = delete;

  const std::string& name() const { return name_; }
  int rank() const { return rank_; }
  int size() const { return static_cast<int>(peers_.size()); }
  const Traffic& traffic() const { return traffic_; }

  /// Runs the collective, on this thread if no other is under way. `check` throws when the caller is to stop; the group
  /// is of no more use then.
  void run(Operation operation, const Body& body, const CheckCancelled& check);
  /// Runs it on the group's own thread. What `body` refers to must live until wait() has returned.
  Job start(Operation operation, Body body);
  /// Throws what went wrong. Each job is waited for once.
  void wait(Job job, const CheckCancelled& check);
  /// Whether wait() would return at once.
  bool finished(Job job);

  /// Ends the group: what runs fails with `reason`, also on the other ranks, as soon as they communicate.
  void abandon(const std::string& reason);

  /// One step of a collective, within its body: all transfers at once.
  void exchange(const std::vector<Transfer>& transfers);

 private:
  struct Queued {
    Job job;
    Operation operation;
    Body body;
  };

  /// Whether it was not before.
  bool markAbandoned(const std::string& reason);
  /// Only by whoever holds `running_`.
  void tellPeers();
  void runOne(Operation operation, const Body& body);
  void work();
  void waitForProgress(const std::vector<Peer*>& active, int sinceProgress);
  [[noreturn]] void timedOut(const std::vector<Peer*>& active);
  void wake();

  const std::string name_;
  const int rank_;
  const std::vector<int> members_;
  std::vector<std::unique_ptr<Peer>> peers_;
  const std::chrono::milliseconds timeout_;
  Traffic traffic_;

  /// Of whoever runs a collective.
  std::mutex running_;
  uint64_t sequence_ = 0;
  Operation operation_ = Operation::none;
  const CheckCancelled* check_ = nullptr;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Queued> queue_;
  std::unordered_map<Job, std::exception_ptr> finished_;
  Job lastJob_ = 0;
  bool busy_ = false;  // the thread runs a job
  bool closing_ = false;
  std::atomic<bool> abandoned_ = false;
  std::string reason_;
  int wakeDescriptor_;
  std::thread thread_;
};

}  // namespace moelab::dist
