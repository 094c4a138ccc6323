#include "peer.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace moelab::dist {

namespace {

/// From here on one copy out of the sender's memory is cheaper than two through a socket.
constexpr size_t kPullBytes = 32 << 10;
/// Taken at once, so that other peers are served in between.
constexpr size_t kPullPiece = 4 << 20;
/// Longest reason that is believed.
constexpr size_t kReasonBytes = 4096;

}  // namespace

const char* operationName(Operation operation) {
  switch (operation) {
    case Operation::allReduce: return "allReduce";
    case Operation::allGather: return "allGather";
    case Operation::reduceScatter: return "reduceScatter";
    case Operation::allToAll: return "allToAll";
    case Operation::broadcast: return "broadcast";
    case Operation::barrier: return "barrier";
    default: return "nothing";
  }
}

Peer::Peer(int self, int rank, int socket, pid_t process, bool pulls, bool pulled)
    : self_(self), rank_(rank), socket_(socket), process_(process), pulls_(pulls), pulled_(pulled) {}

Peer::~Peer() { ::close(socket_); }

void Peer::begin(const Transfer& transfer, Operation operation, uint64_t sequence) {
  transfer_ = transfer;
  operation_ = operation;
  sequence_ = sequence;
  received_ = !transfer.receives;
  if (!transfer.sends) return;
  const bool inMemory = pulled_ && transfer.sendBytes >= kPullBytes;
  Outgoing out{{inMemory ? FrameKind::payloadInMemory : FrameKind::payload, operation, sequence, transfer.sendBytes,
                reinterpret_cast<uint64_t>(transfer.send)},
               inMemory ? nullptr : static_cast<const char*>(transfer.send)};
  awaitsTaken_ = inMemory;
  outgoing_.push_back(out);
}

bool Peer::progress() {
  const bool wrote = write(), did = read();
  return write() || wrote || did;
}

bool Peer::write() {
  bool progressed = false;
  while (!outgoing_.empty()) {
    Outgoing& out = outgoing_.front();
    iovec parts[2];
    int count = 0;
    if (out.sent < sizeof(Frame)) {
      parts[count++] = {reinterpret_cast<char*>(&out.frame) + out.sent, sizeof(Frame) - out.sent};
    }
    const size_t skipped = out.sent > sizeof(Frame) ? out.sent - sizeof(Frame) : 0;
    if (out.payload && out.frame.bytes > skipped) {
      parts[count++] = {const_cast<char*>(out.payload) + skipped, out.frame.bytes - skipped};
    }
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = count;
    const ssize_t sent = ::sendmsg(socket_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return progressed;
      if (errno == EINTR) continue;
      read();  // it may have said why it left
      lost(std::strerror(errno));
    }
    progressed = true;
    out.sent += sent;
    if (out.sent < out.size()) return progressed;
    outgoing_.pop_front();
  }
  return progressed;
}

/// Reads what belongs to this transfer and no further: what comes next belongs to the next.
bool Peer::read() {
  bool progressed = false;
  while (!received_ || awaitsTaken_) {
    if (incomingHeader_ < sizeof(Frame)) {
      const size_t got = readSome(reinterpret_cast<char*>(&incoming_) + incomingHeader_, sizeof(Frame) - incomingHeader_);
      if (got == 0) return progressed;
      progressed = true;
      incomingHeader_ += got;
      if (incomingHeader_ < sizeof(Frame)) return progressed;
      beginFrame();
    }
    if (!readPayload()) return progressed;
    progressed = true;
    if (incomingPayload_ < incoming_.bytes) continue;
    if (incoming_.kind == FrameKind::abandoned) throw GroupError(reason_);
    if (incoming_.kind == FrameKind::taken) {
      awaitsTaken_ = false;
    } else {
      if (incoming_.kind == FrameKind::payloadInMemory) {
        outgoing_.push_back({{FrameKind::taken, operation_, sequence_, 0, 0}, nullptr});
      }
      received_ = true;
    }
    incomingHeader_ = 0;
  }
  return progressed;
}

void Peer::beginFrame() {
  incomingPayload_ = 0;
  if (incoming_.kind == FrameKind::abandoned) {
    incoming_.bytes = std::min<uint64_t>(incoming_.bytes, kReasonBytes);
    reason_.assign(incoming_.bytes, ' ');
    return;
  }
  if (incoming_.kind == FrameKind::taken && awaitsTaken_ && incoming_.bytes == 0) return;
  const std::string who = "rank " + std::to_string(rank_);
  const std::string number = std::to_string(sequence_);
  const bool isData = incoming_.kind == FrameKind::payload || incoming_.kind == FrameKind::payloadInMemory;
  if (!isData || received_) throw GroupError(who + " sent rank " + std::to_string(self_) + " what belongs to no collective");
  if (incoming_.operation != operation_ || incoming_.sequence != sequence_) {
    throw GroupError("ranks must call the same collectives in the same order: " + who + " is at number " +
                     std::to_string(incoming_.sequence) + " (" + operationName(incoming_.operation) +
                     "), rank " + std::to_string(self_) + " at number " + number + " (" + operationName(operation_) + ")");
  }
  if (incoming_.bytes != transfer_.receiveBytes) {
    throw GroupError(std::string(operationName(operation_)) + " number " + number + ": expected " +
                     std::to_string(transfer_.receiveBytes) + " bytes from " + who + " for rank " + std::to_string(self_) +
                     ", got " + std::to_string(incoming_.bytes) + "; shapes, dtypes and sizes must agree between ranks");
  }
}

/// Whether anything moved or nothing was left to move.
bool Peer::readPayload() {
  if (incomingPayload_ >= incoming_.bytes) return true;
  if (incoming_.kind == FrameKind::payloadInMemory) return pull();
  char* to = incoming_.kind == FrameKind::abandoned ? reason_.data() : static_cast<char*>(transfer_.receive);
  const size_t got = readSome(to + incomingPayload_, incoming_.bytes - incomingPayload_);
  incomingPayload_ += got;
  return got > 0;
}

bool Peer::pull() {
  if (!pulls_) throw GroupError("rank " + std::to_string(rank_) + " offered memory that rank " +
                               std::to_string(self_) + " cannot read");
  const size_t piece = std::min<size_t>(kPullPiece, incoming_.bytes - incomingPayload_);
  iovec here{static_cast<char*>(transfer_.receive) + incomingPayload_, piece};
  iovec there{reinterpret_cast<char*>(incoming_.address) + incomingPayload_, piece};
  const ssize_t got = ::process_vm_readv(process_, &here, 1, &there, 1, 0);
  if (got <= 0) lost(std::strerror(errno));
  incomingPayload_ += got;
  return true;
}

size_t Peer::readSome(void* to, size_t bytes) {
  for (;;) {
    const ssize_t got = ::recv(socket_, to, bytes, MSG_DONTWAIT);
    if (got > 0) return got;
    if (got == 0) lost("the connection was closed");
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) lost(std::strerror(errno));
  }
}

void Peer::lost(const char* how) {
  throw GroupError("rank " + std::to_string(rank_) + " is gone (" + how + ")");
}

void Peer::abandon(const std::string& reason) {
  // In the midst of a frame the text would be taken for data; the end of the connection says it, too.
  const bool between = outgoing_.empty() || outgoing_.front().sent == 0;
  if (between) {
    outgoing_.clear();
    const std::string text = reason.substr(0, kReasonBytes);
    outgoing_.push_back({{FrameKind::abandoned, Operation::none, sequence_, text.size(), 0}, text.data()});
    try {
      write();
    } catch (const GroupError&) {
      // It has gone, too.
    }
  }
  outgoing_.clear();
  ::shutdown(socket_, SHUT_WR);
}

}  // namespace moelab::dist
