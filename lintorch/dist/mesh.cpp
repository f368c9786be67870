#include "lintorch/dist/mesh.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <random>

#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"

namespace lintorch::dist {

namespace {

struct Hello {
  uint64_t token;
  int64_t rank;
};

void set_option(int fd, int level, int name, int value) { ::setsockopt(fd, level, name, &value, sizeof value); }

/// A machine that is gone is noticed after about 30 seconds.
void configure(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 30000);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

sockaddr_in resolve(const std::string& host, uint16_t port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  const int status = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  LT_CHECK(status == 0 && found != nullptr, Error, "[dist] cannot resolve {}: {}", host, ::gai_strerror(status));
  sockaddr_in address = *reinterpret_cast<sockaddr_in*>(found->ai_addr);
  ::freeaddrinfo(found);
  address.sin_port = htons(port);
  return address;
}

bool is_loopback(const in_addr& address) { return ntohl(address.s_addr) >> 24 == 127; }

/// An address of this machine that others reach, if there is one.
std::optional<in_addr> outward_address() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return std::nullopt;
  std::optional<in_addr> found;
  for (const ifaddrs* i = all; i != nullptr && !found; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != AF_INET || (i->ifa_flags & IFF_UP) == 0) continue;
    const in_addr address = reinterpret_cast<const sockaddr_in*>(i->ifa_addr)->sin_addr;
    if (!is_loopback(address)) found = address;
  }
  ::freeifaddrs(all);
  return found;
}

/// The address of this machine on the way to the meeting point. Many machines know their own name as 127.0.1.1 (/etc/hosts);
/// other machines would take that for themselves.
std::string own_address(const Launch& launch) {
  const sockaddr_in target = resolve(launch.address, launch.port);
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in own{};
  socklen_t length = sizeof own;
  const bool known = fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&target), sizeof target) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) == 0;
  if (fd >= 0) ::close(fd);
  LT_CHECK(known, Error, "[dist] no way from this machine to {}: {}", launch.address, std::strerror(errno));
  const bool meant = launch.address == "localhost" || launch.address.starts_with("127.");
  if (is_loopback(own.sin_addr) && !meant) own.sin_addr = outward_address().value_or(own.sin_addr);
  char text[INET_ADDRSTRLEN];
  ::inet_ntop(AF_INET, &own.sin_addr, text, sizeof text);
  return text;
}

std::string own_name(int rank) {
  char host[256] = "?";
  ::gethostname(host, sizeof host - 1);
  return fmt::format("rank {} ({}, pid {})", rank, host, ::getpid());
}

/// Blocking read or write of a whole Hello with a timeout; false if it fails.
bool transfer(int fd, Hello& hello, bool write, std::chrono::seconds timeout) {
  auto* data = reinterpret_cast<char*>(&hello);
  size_t done = 0;
  while (done < sizeof hello) {
    pollfd ready{fd, static_cast<short>(write ? POLLOUT : POLLIN), 0};
    if (::poll(&ready, 1, static_cast<int>(timeout.count() * 1000)) <= 0) return false;
    const ssize_t n = write ? ::send(fd, data + done, sizeof hello - done, MSG_NOSIGNAL)
                            : ::recv(fd, data + done, sizeof hello - done, 0);
    if (n <= 0 && !(n < 0 && (errno == EAGAIN || errno == EINTR))) return false;
    if (n > 0) done += static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

Mesh::Mesh(const Launch& launch, Rendezvous& rendezvous, std::chrono::seconds timeout)
    : rank_(launch.rank), timeout_(timeout), peers_(static_cast<size_t>(launch.size)) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  socklen_t length = sizeof any;
  LT_CHECK(listener >= 0 && ::bind(listener, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0 &&
               ::listen(listener, launch.size) == 0 &&
               ::getsockname(listener, reinterpret_cast<sockaddr*>(&any), &length) == 0,
           Error, "[dist] cannot listen: {}", std::strerror(errno));
  if (rank_ == 0) rendezvous.set("token", std::to_string(std::random_device{}()));
  rendezvous.set(fmt::format("address/{}", rank_), fmt::format("{} {}", own_address(launch), ntohs(any.sin_port)));
  rendezvous.set(fmt::format("name/{}", rank_), own_name(rank_));
  const uint64_t token = std::stoull(rendezvous.get("token"));

  for (int r = 0; r < launch.size; ++r) peers_[static_cast<size_t>(r)].name = rendezvous.get(fmt::format("name/{}", r));
  for (int r = 0; r < rank_; ++r) {
    const std::string where = rendezvous.get(fmt::format("address/{}", r));
    const size_t space = where.find(' ');
    const sockaddr_in target =
        resolve(where.substr(0, space), static_cast<uint16_t>(std::stoi(where.substr(space + 1))));
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    LT_CHECK(fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&target), sizeof target) == 0, Error,
             "[dist] {} cannot connect to {} at {}: {}", own_name(rank_), peers_[static_cast<size_t>(r)].name, where,
             std::strerror(errno));
    configure(fd);
    Hello hello{token, rank_};
    peers_[static_cast<size_t>(r)].fd = fd;
    if (!transfer(fd, hello, /*write=*/true, timeout_)) lost(r, "did not take the connection");
  }
  for (int missing = launch.size - 1 - rank_; missing > 0;) {
    pollfd ready{listener, POLLIN, 0};
    LT_CHECK(::poll(&ready, 1, static_cast<int>(timeout_.count() * 1000)) > 0, Error,
             "[dist] {}: {} of {} ranks did not connect in {} s", own_name(rank_), missing, launch.size,
             timeout_.count());
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    configure(fd);
    Hello hello{};
    const bool ours = transfer(fd, hello, /*write=*/false, std::chrono::seconds(10)) && hello.token == token &&
                      hello.rank > rank_ && hello.rank < launch.size;
    if (!ours) {
      ::close(fd);  // something else that found the port
      continue;
    }
    peers_[static_cast<size_t>(hello.rank)].fd = fd;
    --missing;
  }
  ::close(listener);
}

Mesh::~Mesh() {
  stop_watching();
  for (const auto& peer : peers_)
    if (peer.fd >= 0) ::close(peer.fd);
}

void Mesh::lost(int rank, const std::string& how) const {
  throw Error(fmt::format("[dist] {} {}: the job cannot go on. {} ends too; its own message says why the other did",
                          peers_[static_cast<size_t>(rank)].name, how, peers_[static_cast<size_t>(rank_)].name));
}

void Mesh::exchange(const std::vector<std::span<const std::byte>>& send,
                    const std::vector<std::span<std::byte>>& receive) {
  const auto count = peers_.size();
  std::vector<size_t> sent(count, 0), received(count, 0);
  std::vector<pollfd> polled;
  std::vector<size_t> ranks;
  for (;;) {
    polled.clear();
    ranks.clear();
    for (size_t r = 0; r < count; ++r) {
      if (static_cast<int>(r) == rank_) continue;
      short events = 0;
      if (sent[r] < send[r].size()) events |= POLLOUT;
      if (received[r] < receive[r].size()) events |= POLLIN;
      if (events == 0) continue;
      polled.push_back({peers_[r].fd, events, 0});
      ranks.push_back(r);
    }
    if (polled.empty()) return;
    const int ready = ::poll(polled.data(), polled.size(), static_cast<int>(timeout_.count() * 1000));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) lost(static_cast<int>(ranks.front()), fmt::format("was silent for {} s", timeout_.count()));
    for (size_t i = 0; i < polled.size(); ++i) {
      const size_t r = ranks[i];
      if (polled[i].revents & (POLLIN | POLLHUP | POLLERR)) {
        std::byte nothing;
        const bool wants = received[r] < receive[r].size();
        const ssize_t n =
            wants ? ::recv(polled[i].fd, receive[r].data() + received[r], receive[r].size() - received[r], 0)
                  : ::recv(polled[i].fd, &nothing, 1, MSG_PEEK);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) lost(static_cast<int>(r), "has ended");
        if (n > 0 && wants) received[r] += static_cast<size_t>(n);
      }
      if ((polled[i].revents & POLLOUT) && sent[r] < send[r].size()) {
        const ssize_t n = ::send(polled[i].fd, send[r].data() + sent[r], send[r].size() - sent[r], MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) lost(static_cast<int>(r), "has ended");
        if (n > 0) sent[r] += static_cast<size_t>(n);
      }
    }
  }
}

std::vector<std::string> Mesh::gather_text(const std::string& text) {
  const auto count = peers_.size();
  const uint64_t length = text.size();
  std::vector<uint64_t> lengths(count, 0);
  std::vector<std::span<const std::byte>> send(count, std::as_bytes(std::span(&length, 1)));
  std::vector<std::span<std::byte>> receive(count);
  for (size_t r = 0; r < count; ++r) receive[r] = std::as_writable_bytes(std::span(&lengths[r], 1));
  exchange(send, receive);
  std::vector<std::string> texts(count);
  for (size_t r = 0; r < count; ++r) {
    if (static_cast<int>(r) != rank_) texts[r].resize(lengths[r]);
    send[r] = std::as_bytes(std::span(text.data(), text.size()));
    receive[r] = std::as_writable_bytes(std::span(texts[r].data(), texts[r].size()));
  }
  exchange(send, receive);
  texts[static_cast<size_t>(rank_)] = text;
  return texts;
}

void Mesh::watch() {
  if (size() == 1 || watching_.exchange(true)) return;
  watcher_ = std::thread([this] {
    while (watching_) {
      std::vector<pollfd> polled;
      std::vector<size_t> ranks;
      for (size_t r = 0; r < peers_.size(); ++r) {
        if (static_cast<int>(r) == rank_) continue;
        polled.push_back({peers_[r].fd, POLLRDHUP, 0});
        ranks.push_back(r);
      }
      if (::poll(polled.data(), polled.size(), 200) <= 0) continue;
      for (size_t i = 0; i < polled.size() && watching_; ++i) {
        if (!(polled[i].revents & (POLLRDHUP | POLLHUP | POLLERR))) continue;
        try {
          lost(static_cast<int>(ranks[i]), "has ended");
        } catch (const Error& e) {
          log_error("{}", e.what());
        }
        ::_exit(1);
      }
    }
  });
}

void Mesh::stop_watching() {
  watching_ = false;
  if (watcher_.joinable()) watcher_.join();
}

void Mesh::close() {
  gather_text("");  // everyone has come to the end:
  stop_watching();  // what closes from here on is no death,
  gather_text("");  // and nobody closes before all know it
}

}  // namespace lintorch::dist
