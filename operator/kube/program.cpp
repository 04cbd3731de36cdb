#include "kube/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sluice::kube {

namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kMostOutput = 1u << 20;
constexpr std::size_t kMostError = 4u << 10;
constexpr std::size_t kQuotedError = 300;  // bytes of the program's own words in our message

// A file descriptor with an owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }
  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_ = -1;
};

struct Pipe {
  Descriptor read;
  Descriptor write;
};

std::optional<Pipe> make_pipe() {
  int ends[2];
  // Closed in programs that other threads start meanwhile: else those would keep our pipe open.
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// A running child in a process group of its own; killed when it is still there at the end of this object.
class Child {
 public:
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (id_ <= 0) return;
    ::kill(-id_, SIGKILL);
    while (::waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  // 0, or the errno of the failure.
  int start(const std::string& program, const std::vector<std::string>& arguments,
            const std::vector<std::string>& environment, int out, int error) {
    std::vector<std::string> all{program};
    all.insert(all.end(), arguments.begin(), arguments.end());
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, error, STDERR_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // Our own signal mask and handlers are not its business.
    sigset_t none;
    sigset_t all_signals;
    sigemptyset(&none);
    sigfillset(&all_signals);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all_signals);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const int failure = ::posix_spawnp(&id_, program.c_str(), &files, &attributes, pointers(all).data(),
                                       pointers(environment).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (failure != 0) id_ = -1;
    return failure;
  }

  // The wait status when it has ended by then.
  std::optional<int> wait(Steady::time_point until) {
    int status = 0;
    for (;;) {
      const pid_t ended = ::waitpid(id_, &status, WNOHANG);
      if (ended == id_) {
        id_ = -1;
        return status;
      }
      if (ended < 0 && errno != EINTR) return std::nullopt;
      if (Steady::now() >= until) return std::nullopt;
      ::poll(nullptr, 0, 2);  // its pipes are closed: it is as good as gone
    }
  }

 private:
  pid_t id_ = -1;
};

// Appends what is there, up to `most` in total; closes the descriptor at its end. False: too much.
bool drain(Descriptor& from, std::string& to, std::size_t most, bool cut) {
  char piece[4096];
  const ssize_t got = ::read(from.get(), piece, sizeof(piece));
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) {
    from.close();
    return true;
  }
  const std::size_t room = most - to.size();
  to.append(piece, std::min(room, static_cast<std::size_t>(got)));
  return cut || static_cast<std::size_t>(got) <= room;
}

enum class Reading { Complete, TooMuch, TooLong };

Reading read_both(Descriptor& out, Descriptor& error, ProgramOutput& into, Steady::time_point until) {
  while (out.is_open() || error.is_open()) {
    const auto left = std::chrono::ceil<milliseconds>(until - Steady::now()).count();
    if (left <= 0) return Reading::TooLong;
    pollfd both[2] = {{out.get(), POLLIN, 0}, {error.get(), POLLIN, 0}};
    if (::poll(both, 2, static_cast<int>(std::min<std::int64_t>(left, 60'000))) <= 0) continue;
    if (both[0].revents != 0 && !drain(out, into.out, kMostOutput, false)) return Reading::TooMuch;
    if (both[1].revents != 0) drain(error, into.error, kMostError, true);
  }
  return Reading::Complete;
}

Error failure_of(const std::string& program, const std::string& why) {
  return Error{ErrorCode::Unauthorized, "the credential plugin " + program + " " + why, {}};
}

std::string last_words(const std::string& error) {
  std::string out = error.substr(0, kQuotedError);
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  return out.empty() ? "" : ": " + out;
}

}  // namespace

Result<ProgramOutput> run_program(const std::string& program, const std::vector<std::string>& arguments,
                                  const std::vector<std::string>& environment, Duration longest) {
  const auto until = Steady::now() + longest;
  auto out = make_pipe();
  auto error = make_pipe();
  if (!out || !error) return failure_of(program, "cannot be started: no file descriptors are left");
  Child child;
  const int failure = child.start(program, arguments, environment, out->write.get(), error->write.get());
  if (failure != 0) return failure_of(program, std::string("cannot be started: ") + std::strerror(failure));
  out->write.close();
  error->write.close();

  ProgramOutput collected;
  const Reading reading = read_both(out->read, error->read, collected, until);
  if (reading == Reading::TooMuch) return failure_of(program, "wrote more than 1 MiB");
  const auto status = reading == Reading::Complete ? child.wait(until) : std::nullopt;
  if (!status) return failure_of(program, "did not end within " + format_duration(longest));
  if (WIFSIGNALED(*status))
    return failure_of(program, "was killed by signal " + std::to_string(WTERMSIG(*status)));
  if (WEXITSTATUS(*status) != 0) {
    return failure_of(
        program, "failed with status " + std::to_string(WEXITSTATUS(*status)) + last_words(collected.error));
  }
  return collected;
}

}  // namespace sluice::kube
