#include "connecting.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <utility>

namespace moelab::dist {

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kMagic = 0x31626c656f6dULL;  // "moelb1"
constexpr size_t kTokenBytes = 32;
/// A connection that says nothing for so long is a stranger's.
constexpr std::chrono::milliseconds kGreetingTime{5000};

/// What both sides say first.
struct Greeting {
  uint64_t magic = kMagic;
  char token[kTokenBytes] = {};
  int32_t rank = 0;
  int32_t process = 0;
  uint64_t proof = 0;         // a random number …
  uint64_t proofAddress = 0;  // … and where it lies: who can read it there can read this process's memory
};

/// In memory that does not move, for peers to look at.
uint64_t& proof() {
  static uint64_t number = [] {
    std::random_device random;
    return (static_cast<uint64_t>(random()) << 32) | random();
  }();
  return number;
}

class Deadline {
 public:
  Deadline(std::chrono::milliseconds time, const CheckCancelled& check) : end_(Clock::now() + time), check_(check) {}

  /// Throws when time is up.
  void wait(int socket, short events, const std::string& what) const {
    for (;;) {
      check_();
      if (Clock::now() > end_) throw GroupError("no connection in time: " + what);
      pollfd waited{socket, events, 0};
      if (::poll(&waited, 1, 20) > 0) return;
    }
  }

 private:
  const Clock::time_point end_;
  const CheckCancelled& check_;
};

struct Socket {
  int descriptor = -1;
  ~Socket() {
    if (descriptor >= 0) ::close(descriptor);
  }
  int release() { return std::exchange(descriptor, -1); }
};

struct Addresses {
  addrinfo* first = nullptr;
  Addresses(const std::string& host, const std::string& port, int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    const int fault = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &first);
    if (fault != 0) throw GroupError("no address for host '" + host + "': " + ::gai_strerror(fault));
  }
  ~Addresses() { ::freeaddrinfo(first); }
};

void sendAll(int socket, const void* data, size_t bytes, const Deadline& deadline, const std::string& to) {
  for (size_t sent = 0; sent < bytes;) {
    const ssize_t step = ::send(socket, static_cast<const char*>(data) + sent, bytes - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (step > 0) sent += step;
    else if (errno == EAGAIN) deadline.wait(socket, POLLOUT, to);
    else if (errno != EINTR) throw GroupError(to + ": " + std::strerror(errno));
  }
}

void receiveAll(int socket, void* data, size_t bytes, const Deadline& deadline, const std::string& from) {
  for (size_t got = 0; got < bytes;) {
    const ssize_t step = ::recv(socket, static_cast<char*>(data) + got, bytes - got, MSG_DONTWAIT);
    if (step > 0) got += step;
    else if (step == 0) throw GroupError(from + " closed the connection");
    else if (errno == EAGAIN) deadline.wait(socket, POLLIN, from);
    else if (errno != EINTR) throw GroupError(from + ": " + std::strerror(errno));
  }
}

int connectTo(const std::string& address, const Deadline& deadline) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) throw GroupError("expected an address host:port, got '" + address + "'");
  const Addresses found(address.substr(0, colon), address.substr(colon + 1), AI_NUMERICSERV);
  std::string fault = "no address";
  for (const addrinfo* at = found.first; at; at = at->ai_next) {
    Socket socket{::socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (::connect(socket.descriptor, at->ai_addr, at->ai_addrlen) != 0 && errno != EINPROGRESS) {
      fault = std::strerror(errno);
      continue;
    }
    deadline.wait(socket.descriptor, POLLOUT, address + " does not answer");
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(socket.descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == 0) return socket.release();
    fault = std::strerror(error);
  }
  throw GroupError("cannot connect to " + address + ": " + fault);
}

bool sameToken(const Greeting& theirs, const Greeting& ours) {
  unsigned char difference = 0;
  for (size_t at = 0; at < kTokenBytes; ++at) difference |= theirs.token[at] ^ ours.token[at];
  return theirs.magic == ours.magic && difference == 0;
}

/// Whether this process can read the other's memory: same host, same user, and the system allows it.
bool canRead(const Greeting& theirs) {
  uint64_t number = 0;
  iovec here{&number, sizeof(number)}, there{reinterpret_cast<void*>(theirs.proofAddress), sizeof(number)};
  return ::process_vm_readv(theirs.process, &here, 1, &there, 1, 0) == sizeof(number) && number == theirs.proof;
}

}  // namespace

Listener::Listener(const std::string& host) {
  const Addresses found(host, "0", AI_PASSIVE | AI_NUMERICSERV);
  const addrinfo* at = found.first;
  socket_ = ::socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (socket_ < 0 || ::bind(socket_, at->ai_addr, at->ai_addrlen) != 0 || ::listen(socket_, 1024) != 0 ||
      ::getsockname(socket_, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    const std::string fault = std::strerror(errno);
    if (socket_ >= 0) ::close(socket_);
    throw GroupError("cannot listen on " + host + ": " + fault);
  }
  port_ = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                            : reinterpret_cast<sockaddr_in&>(bound).sin_port);
}

Listener::~Listener() { ::close(socket_); }

std::vector<std::unique_ptr<Peer>> connectPeers(int rank, const std::vector<int>& members,
                                                const std::vector<std::string>& addresses, const Listener& listener,
                                                const std::string& token, std::chrono::milliseconds timeout,
                                                const CheckCancelled& check) {
  const int size = static_cast<int>(addresses.size());
  const Deadline deadline(timeout, check);
  // Where Linux restricts who may look into a process (Yama), ranks of one user may.
  ::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);

  Greeting mine;
  std::memcpy(mine.token, token.data(), std::min(token.size(), kTokenBytes));
  mine.rank = rank;
  mine.process = ::getpid();
  mine.proof = proof();
  mine.proofAddress = reinterpret_cast<uint64_t>(&proof());

  std::vector<Socket> sockets(size);
  std::vector<Greeting> greetings(size);
  const auto name = [&](int other) { return "rank " + std::to_string(members[other]); };
  for (int other = 0; other < rank; ++other) {
    sockets[other].descriptor = connectTo(addresses[other], deadline);
    sendAll(sockets[other].descriptor, &mine, sizeof(mine), deadline, name(other));
  }
  for (int missing = size - 1 - rank; missing > 0;) {
    deadline.wait(listener.socket(), POLLIN, std::to_string(missing) + " of " + std::to_string(size) + " ranks did not come");
    Socket socket{::accept4(listener.socket(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (socket.descriptor < 0) continue;
    Greeting theirs;
    try {
      receiveAll(socket.descriptor, &theirs, sizeof(theirs), Deadline(kGreetingTime, check), "a connection");
    } catch (const GroupError&) {
      continue;  // a stranger; it is told nothing
    }
    const bool expected = theirs.rank > rank && theirs.rank < size && sockets[theirs.rank].descriptor < 0;
    if (!sameToken(theirs, mine) || !expected) continue;
    greetings[theirs.rank] = theirs;
    sendAll(socket.descriptor, &mine, sizeof(mine), deadline, name(theirs.rank));
    sockets[theirs.rank].descriptor = socket.release();
    --missing;
  }
  for (int other = 0; other < rank; ++other) {
    receiveAll(sockets[other].descriptor, &greetings[other], sizeof(Greeting), deadline, name(other));
    if (!sameToken(greetings[other], mine)) throw GroupError(name(other) + " does not know the group's secret");
  }

  std::vector<std::unique_ptr<Peer>> peers(size);
  std::vector<char> pulls(size);
  for (int other = 0; other < size; ++other) {
    if (other == rank) continue;
    const int on = 1;
    ::setsockopt(sockets[other].descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    pulls[other] = canRead(greetings[other]);
    sendAll(sockets[other].descriptor, &pulls[other], 1, deadline, name(other));
  }
  for (int other = 0; other < size; ++other) {
    if (other == rank) continue;
    char pulled = 0;
    receiveAll(sockets[other].descriptor, &pulled, 1, deadline, name(other));
    peers[other] = std::make_unique<Peer>(members[rank], members[other], sockets[other].release(), greetings[other].process, pulls[other] != 0,
                                          pulled != 0);
  }
  return peers;
}

}  // namespace moelab::dist
