#pragma once
// The connection to one other rank of a group, and the frames that travel on it.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>

namespace moelab::dist {

/// Collectives by name, so that ranks that do not run the same one can say so.
enum class Operation : uint32_t {
  none, allReduce, allGather, reduceScatter, allToAll, broadcast, barrier,
};
const char* operationName(Operation operation);

/// A collective could not be completed; the group it ran in is of no more use.
struct GroupError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class FrameKind : uint32_t {
  payload = 1,       // `bytes` of data follow
  payloadInMemory,   // the data lies at `address` of the sender's memory, from where the receiver takes it
  taken,             // answer to the above: the memory may be changed again
  abandoned,         // the sender has left the group; `bytes` of text say why
};

struct Frame {
  FrameKind kind;
  Operation operation;
  uint64_t sequence;
  uint64_t bytes;
  uint64_t address;
};

/// What this rank sends to a peer and expects from it in one step of a collective.
struct Transfer {
  int rank;
  const void* send = nullptr;
  size_t sendBytes = 0;
  bool sends = false;
  void* receive = nullptr;
  size_t receiveBytes = 0;
  bool receives = false;

  Transfer& sending(const void* data, size_t bytes) {
    send = data, sendBytes = bytes, sends = true;
    return *this;
  }
  Transfer& receiving(void* data, size_t bytes) {
    receive = data, receiveBytes = bytes, receives = true;
    return *this;
  }
};

/// Non-blocking: begin() a transfer, then progress() until it is done(). Errors of the connection are GroupErrors that
/// name the rank.
class Peer {
 public:
  /// `self` and `rank`: what this and the other rank are called. Takes over the socket. `pulls`: this process can read the peer's memory; `pulled`: the peer can read this one's.
  Peer(int self, int rank, int socket, pid_t process, bool pulls, bool pulled);
  ~Peer();
  Peer(const Peer&) = delete;

  int rank() const { return rank_; }
  int socket() const { return socket_; }

  void begin(const Transfer& transfer, Operation operation, uint64_t sequence);
  /// Whether anything moved.
  bool progress();
  bool done() const { return outgoing_.empty() && !awaitsTaken_ && received_; }
  bool wantsToWrite() const { return !outgoing_.empty(); }

  /// Tells the peer, as far as that is possible at once, and sends nothing more.
  void abandon(const std::string& reason);

 private:
  struct Outgoing {
    Frame frame;
    const char* payload;
    size_t sent = 0;
    size_t size() const { return sizeof(Frame) + (payload ? frame.bytes : 0); }
  };

  bool write();
  bool read();
  bool readPayload();
  bool pull();
  void beginFrame();
  size_t readSome(void* to, size_t bytes);
  [[noreturn]] void lost(const char* how);

  const int self_;
  const int rank_;
  const int socket_;
  const pid_t process_;
  const bool pulls_, pulled_;

  Transfer transfer_{};
  Operation operation_ = Operation::none;
  uint64_t sequence_ = 0;
  std::deque<Outgoing> outgoing_;
  bool awaitsTaken_ = false, received_ = true;
  Frame incoming_{};
  size_t incomingHeader_ = 0, incomingPayload_ = 0;
  std::string reason_;
};

}  // namespace moelab::dist
