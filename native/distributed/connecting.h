#pragma once
// How the ranks of a group find each other: each listens, all learn everybody's address, then each pair connects.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "peer.h"

namespace moelab::dist {

/// Throws std::runtime_error when it is time to give up for other reasons than the time that has passed.
using CheckCancelled = std::function<void()>;

class Listener {
 public:
  /// On any free port of the address.
  explicit Listener(const std::string& host);
  ~Listener();
  Listener(const Listener&) = delete;
  int port() const { return port_; }
  int socket() const { return socket_; }

 private:
  int socket_ = -1;
  int port_ = 0;
};

/// Connections of `rank` to all other ranks, in order of their ranks, null for itself. `addresses`: "host:port" of every
/// rank's listener. `members`: what the ranks are called in messages. `token`: a secret of the group that a connection
/// must know.
std::vector<std::unique_ptr<Peer>> connectPeers(int rank, const std::vector<int>& members,
                                                const std::vector<std::string>& addresses, const Listener& listener,
                                                const std::string& token, std::chrono::milliseconds timeout,
                                                const CheckCancelled& check);

}  // namespace moelab::dist
