#include "kube/exec_plugin.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "kube/program.h"
#include "support/temporary_folder.h"
#include "support/virtual_clock.h"

namespace sluice::kube {
namespace {

const std::vector<std::string> kEnvironment{"PATH=/usr/bin:/bin"};

// A FIFO to which a program's children can write.
class Fifo {
 public:
  explicit Fifo(const std::string& path) {
    if (::mkfifo(path.c_str(), 0600) == 0) end_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  }
  ~Fifo() { ::close(end_); }
  Fifo(const Fifo&) = delete;
  Fifo& operator=(const Fifo&) = delete;

  // What was written; nothing if somebody still has it open after `longest`.
  std::optional<std::string> read_to_end(Duration longest) {
    const auto until = std::chrono::steady_clock::now() + longest;
    std::string all;
    while (std::chrono::steady_clock::now() < until) {
      pollfd readable{end_, POLLIN, 0};
      if (::poll(&readable, 1, 100) <= 0) continue;
      char piece[256];
      const ssize_t got = ::read(end_, piece, sizeof piece);
      if (got == 0) return all;
      if (got > 0) all.append(piece, static_cast<std::size_t>(got));
    }
    return std::nullopt;
  }

 private:
  int end_ = -1;
};

class ProgramTest : public ::testing::Test {
 protected:
  std::string script(const std::string& body) {
    return folder_.write_program("plugin", "#!/bin/sh\n" + body);
  }
  test::TemporaryFolder folder_;
};

TEST_F(ProgramTest, GetsItsArgumentsAndNoInput) {
  const auto out = run_program(script("echo \"$1|$2|$X\"; cat; echo words >&2"), {"a b", "$(c)"},
                               {"PATH=/usr/bin:/bin", "X=y"}, seconds(20));
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->out, "a b|$(c)|y\n");
  EXPECT_EQ(out->error, "words\n");
}

TEST_F(ProgramTest, FailureTellsItsLastWordsButNoArguments) {
  const auto out =
      run_program(script("echo please log in >&2; exit 3"), {"--secret=hush"}, kEnvironment, seconds(20));
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, ErrorCode::Unauthorized);
  EXPECT_NE(out.error().message.find("status 3: please log in"), std::string::npos) << out.error().message;
  EXPECT_EQ(out.error().message.find("hush"), std::string::npos);
}

TEST_F(ProgramTest, OneThatCannotBeStarted) {
  for (const std::string& program : {folder_.path("missing"), folder_.write("not-executable", "#!/bin/sh\n"),
                                     std::string("sluice-no-such-program")}) {
    const auto out = run_program(program, {}, kEnvironment, seconds(20));
    ASSERT_FALSE(out) << program;
    EXPECT_NE(out.error().message.find(program), std::string::npos);
  }
}

TEST_F(ProgramTest, OneThatHangsIsKilledWithItsChildren) {
  const auto began = std::chrono::steady_clock::now();
  const std::string path = folder_.path("fifo");
  Fifo fifo(path);
  const auto out = run_program(script("(echo runs; exec sleep 100) > '" + path + "' & sleep 100"), {},
                               kEnvironment, seconds(3));
  ASSERT_FALSE(out);
  EXPECT_NE(out.error().message.find("did not end"), std::string::npos) << out.error().message;
  EXPECT_EQ(fifo.read_to_end(seconds(20)), "runs\n") << "the child had it open as long as it lived";
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(40));
}

TEST_F(ProgramTest, OneThatClosesItsOutputAndHangsIsKilledToo) {
  const auto out =
      run_program(script("exec >/dev/null 2>/dev/null; sleep 100"), {}, kEnvironment, milliseconds(300));
  ASSERT_FALSE(out);
  EXPECT_NE(out.error().message.find("did not end"), std::string::npos) << out.error().message;
}

TEST_F(ProgramTest, OneThatNeverStopsTalking) {
  const auto out = run_program(script("yes"), {}, kEnvironment, seconds(60));
  ASSERT_FALSE(out);
  EXPECT_NE(out.error().message.find("1 MiB"), std::string::npos) << out.error().message;
  // What it says to standard error is only cut.
  EXPECT_TRUE(run_program(script("head -c 100000 /dev/zero >&2"), {}, kEnvironment, seconds(20)));
}

class ExecCredentialsTest : public ProgramTest {
 protected:
  // Each run adds a line to the file `runs` and answers with the file `answer`.
  ExecCredentials credentials(const std::string& version = "client.authentication.k8s.io/v1") {
    ExecPlugin plugin;
    plugin.api_version = version;
    plugin.command =
        script("echo x >> '" + folder_.path("runs") + "'; printf %s \"$KUBERNETES_EXEC_INFO\" > '" +
               folder_.path("info") + "'; cat '" + folder_.path("answer") + "'");
    plugin.arguments = {"get-token"};
    plugin.environment = {{"PATH", "/usr/bin:/bin"}};
    plugin.install_hint = "get it at example.com";
    plugin.cluster_json = R"({"server":"https://x"})";
    return ExecCredentials(std::move(plugin), clock_);
  }
  void answer(const nlohmann::json& status, const std::string& version = "client.authentication.k8s.io/v1") {
    folder_.write(
        "answer",
        nlohmann::json{{"kind", "ExecCredential"}, {"apiVersion", version}, {"status", status}}.dump());
  }
  std::size_t runs() {
    const auto text = read_file(folder_.path("runs"));
    return text ? text->size() / 2 : 0;
  }
  std::shared_ptr<test::VirtualClock> clock_ = std::make_shared<test::VirtualClock>();
};

TEST_F(ExecCredentialsTest, AreKeptUntilTheyExpire) {
  auto c = credentials();
  answer({{"token", "one"}, {"expirationTimestamp", format_time(clock_->now() + minutes(10))}});
  EXPECT_EQ(*c.authorization(), "Bearer one");
  answer({{"token", "two"}});
  clock_->advance(minutes(10) - milliseconds(1));
  EXPECT_EQ(*c.authorization(), "Bearer one");
  EXPECT_EQ(runs(), 1u);
  clock_->advance(milliseconds(1));
  EXPECT_EQ(*c.authorization(), "Bearer two");
  clock_->advance(hours(1000));
  EXPECT_EQ(*c.authorization(), "Bearer two");  // without an expiry: for ever
  EXPECT_EQ(runs(), 2u);
}

TEST_F(ExecCredentialsTest, ARefusalRunsThePluginAgain) {
  auto c = credentials();
  answer({{"token", "one"}});
  EXPECT_EQ(*c.authorization(), "Bearer one");
  answer({{"token", "two"}});
  EXPECT_TRUE(c.forget("Bearer one"));
  EXPECT_EQ(*c.authorization(), "Bearer two");
  answer({{"token", "three"}});
  EXPECT_TRUE(c.forget("Bearer one"));  // of several requests with the old one all are refused
  EXPECT_EQ(*c.authorization(), "Bearer two");
  EXPECT_EQ(runs(), 2u);
}

TEST_F(ExecCredentialsTest, MayBeACertificate) {
  auto c = credentials();
  EXPECT_EQ(c.client_certificate().first, "");
  answer({{"clientCertificateData", "CERT"}, {"clientKeyData", "KEY"}});
  EXPECT_EQ(*c.authorization(), "");
  EXPECT_EQ(c.client_certificate(), (std::pair<std::string, std::string>{"CERT", "KEY"}));

  EXPECT_TRUE(c.forget(""));  // by a request with the one before: nothing tells them apart but the time
  EXPECT_EQ(*c.authorization(), "");
  EXPECT_EQ(runs(), 1u);
  clock_->advance(seconds(1));
  EXPECT_TRUE(c.forget(""));
  EXPECT_EQ(*c.authorization(), "");
  EXPECT_EQ(runs(), 2u);
}

TEST_F(ExecCredentialsTest, ThePluginIsToldAboutTheCluster) {
  auto c = credentials("client.authentication.k8s.io/v1beta1");
  answer({{"token", "one"}}, "client.authentication.k8s.io/v1beta1");
  ASSERT_TRUE(c.authorization());
  EXPECT_EQ(nlohmann::json::parse(*read_file(folder_.path("info"))), nlohmann::json::parse(R"({
    "kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1beta1",
    "spec": {"interactive": false, "cluster": {"server": "https://x"}}})"));
}

TEST_F(ExecCredentialsTest, BadAnswersAreErrorsWithoutTheSecret) {
  const std::pair<nlohmann::json, const char*> bad[] = {
      {{{"token", ""}}, "neither"},
      {{{"clientCertificateData", "hush"}}, "without a key"},
      {{{"token", "hush"}, {"expirationTimestamp", "tomorrow"}}, "not a time"},
  };
  for (const auto& [status, why] : bad) {
    auto c = credentials();
    answer(status);
    const auto result = c.authorization();
    ASSERT_FALSE(result) << status;
    EXPECT_EQ(result.error().code, ErrorCode::Unauthorized);
    EXPECT_NE(result.error().message.find(why), std::string::npos) << result.error().message;
    EXPECT_EQ(result.error().message.find("hush"), std::string::npos);
  }
  auto other_version = credentials();
  answer({{"token", "hush"}}, "client.authentication.k8s.io/v1beta1");
  EXPECT_FALSE(other_version.authorization());
  for (const char* text : {"", "hush", "{}", "[]", "{\"kind\":\"ExecCredential\"}"}) {
    auto c = credentials();
    folder_.write("answer", text);
    EXPECT_FALSE(c.authorization()) << text;
  }
}

TEST_F(ExecCredentialsTest, AFailureIsNotRepeatedByEveryRequest) {
  auto c = credentials();
  folder_.write("answer", "no");
  EXPECT_FALSE(c.authorization());
  EXPECT_FALSE(c.authorization());
  EXPECT_EQ(runs(), 1u);
  clock_->advance(ExecCredentials::kTryAgainAfter);
  answer({{"token", "one"}});
  EXPECT_EQ(*c.authorization(), "Bearer one");
}

TEST_F(ExecCredentialsTest, ManyThreadsShareOneRun) {
  auto c = credentials();
  answer({{"token", "one"}});
  std::vector<std::jthread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto result = c.authorization();
      right += result && *result == "Bearer one";
    });
  }
  threads.clear();
  EXPECT_EQ(right, 8);
  EXPECT_EQ(runs(), 1u);
}

TEST_F(ExecCredentialsTest, AMissingPluginGivesTheHint) {
  ExecPlugin plugin;
  plugin.api_version = "client.authentication.k8s.io/v1";
  plugin.command = "sluice-no-such-program";
  plugin.install_hint = "get it at example.com";
  ExecCredentials c(plugin, clock_);
  const auto result = c.authorization();
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("example.com"), std::string::npos) << result.error().message;
}

}  // namespace
}  // namespace sluice::kube
