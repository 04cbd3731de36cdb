// The whole operator, as a process of its own that talks to a scripted API server.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "app/operator_app.h"
#include "support/http_server.h"
#include "support/temporary_folder.h"

namespace sluice::app {
namespace {

using nlohmann::json;

// Forked before this process has other threads; it begins once it knows the server.
class OperatorProcess {
 public:
  explicit OperatorProcess(double requests_per_second = 0) {
    EXPECT_EQ(pipe(pipe_.data()), 0);
    pid_ = fork();
    EXPECT_GE(pid_, 0) << "no process could be made";
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // whatever ends the tests
    close(pipe_[1]);
    char go = 0;
    if (read(pipe_[0], &go, 1) != 1) std::_Exit(99);
    OperatorOptions options;
    options.kubeconfig = folder_.path("config");
    options.bind = "";
    options.leader_elect = true;
    options.grace = milliseconds(300);
    options.requests_per_second = requests_per_second;
    options.burst = 1;
    std::_Exit(run_operator(options));
  }
  ~OperatorProcess() {
    if (pid_ > 0 && !ended_) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(pipe_[0]);
    close(pipe_[1]);
  }
  OperatorProcess(const OperatorProcess&) = delete;
  OperatorProcess& operator=(const OperatorProcess&) = delete;

  void begin(const std::string& server) {
    folder_.write("config", "current-context: c\ncontexts: [{name: c, context: {cluster: k, namespace: ops}}]\n"
                            "clusters: [{name: k, cluster: {server: '" + server + "'}}]\n");
    EXPECT_EQ(write(pipe_[1], "x", 1), 1);
  }
  // Its exit status after SIGTERM; -1: it has not ended within `longest`.
  int end(Duration longest) {
    if (pid_ <= 0) return -3;
    kill(pid_, SIGTERM);
    int status = 0;
    for (Duration waited{0}; waited < longest; waited += milliseconds(20)) {
      if (waitpid(pid_, &status, WNOHANG) == pid_) {
        ended_ = true;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
      }
      usleep(20'000);
    }
    return -1;
  }

 private:
  test::TemporaryFolder folder_;
  std::array<int, 2> pipe_{};
  pid_t pid_ = 0;
  bool ended_ = false;
};

// Has one Rollout and a Lease, sends lists in pages, and does not answer what it is told to leave unanswered.
class ApiServer {
 public:
  enum class Silent { SavedStatus, SecondListOfPods };
  explicit ApiServer(Silent silent) : silent_(silent) {}

  std::string url() const { return server_.url(); }
  bool wait_until_silent() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, minutes(1), [this] { return hung_; });
  }
  std::string holder() const {
    const std::lock_guard lock(mutex_);
    return lease_["spec"].value("holderIdentity", "");
  }

 private:
  void answer(test::HttpExchange& http) {
    const auto& [method, target] = std::tie(http.request().method, http.request().target);
    const auto is_of = [&target](const char* text) { return target.find(text) != std::string::npos; };
    if (is_of("/leases")) return answer_lease(http);
    if (is_of("sendInitialEvents")) return http.respond_json(400, R"({"kind":"Status","code":400,"reason":"Invalid"})");
    if (is_of("watch=true")) {
      http.begin_chunked();
      http.wait_for_close();
      return;
    }
    if (method != "GET") return silent_ == Silent::SavedStatus ? hang(http) : http.respond_json(404, "{}");
    if (is_of("/pods") && ++lists_of_pods_ == 2 && silent_ == Silent::SecondListOfPods) return hang(http);
    json list = {{"metadata", {{"resourceVersion", "1"}}}, {"items", json::array()}};
    const json rollout = {{"metadata",
                           {{"name", "digits"}, {"namespace", "ml"}, {"uid", "u"}, {"resourceVersion", "1"}}}};
    if (is_of("/rollouts?")) list["items"].push_back(rollout);
    http.respond_json(200, is_of("/rollouts/") ? rollout.dump() : list.dump());
  }
  void answer_lease(test::HttpExchange& http) {
    const std::lock_guard lock(mutex_);
    if (http.request().method == "GET" && lease_.empty()) return http.respond_json(404, R"({"reason":"NotFound"})");
    if (http.request().method != "GET") lease_ = json::parse(http.request().body);
    lease_["metadata"]["resourceVersion"] = "1";
    http.respond_json(200, lease_.dump());
  }
  void hang(test::HttpExchange& http) {
    {
      const std::lock_guard lock(mutex_);
      hung_ = true;
    }
    changed_.notify_all();
    http.wait_for_close(seconds(60));
  }

  const Silent silent_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  json lease_ = json::object();
  bool hung_ = false;
  std::atomic<int> lists_of_pods_{0};
  test::HttpServer server_{[this](test::HttpExchange& http) { answer(http); }};
};

TEST(StopOfTheOperator, KeepsTheLeaseWhileAReconcileStillWrites) {
  // The write fails after 5 s. Where the signal comes only then, nothing was under way: another try.
  for (int tries = 1; tries <= 5; ++tries) {
    OperatorProcess process;
    ApiServer api(ApiServer::Silent::SavedStatus);
    const auto began = std::chrono::steady_clock::now();
    process.begin(api.url());
    ASSERT_TRUE(api.wait_until_silent());
    const int status = process.end(minutes(1));
    if (status == 0 && std::chrono::steady_clock::now() - began > seconds(5)) continue;
    EXPECT_EQ(status, 1);
    EXPECT_NE(api.holder(), "") << "a standby might act while the write is carried out";
    return;
  }
  FAIL() << "this machine is too slow to stop an operator within 5 s";
}

TEST(RequestsOfTheOperator, AreLimitedWhenAskedTo) {
  OperatorProcess process(20);
  ApiServer api(ApiServer::Silent::SavedStatus);
  const auto began = std::chrono::steady_clock::now();
  process.begin(api.url());
  ASSERT_TRUE(api.wait_until_silent());
  // Before it writes, each of seven kinds is asked for as a stream, in vain, and as a list.
  EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(14 * 50));
}

TEST(StopOfTheOperator, GivesTheLeaseBackBeforeAListHasEnded) {
  OperatorProcess process;
  ApiServer api(ApiServer::Silent::SecondListOfPods);
  process.begin(api.url());
  ASSERT_TRUE(api.wait_until_silent());
  EXPECT_EQ(process.end(seconds(30)), 0) << "it waits for the page";
  EXPECT_EQ(api.holder(), "");
}

}  // namespace
}  // namespace sluice::app
