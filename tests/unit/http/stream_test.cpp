#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <optional>
#include <stdexcept>
#include <thread>

#include "http/transport.h"
#include "support/http_server.h"

namespace sluice::http {
namespace {

using test::HttpExchange;
using test::HttpServer;
using Steady = std::chrono::steady_clock;

constexpr Duration kIdle = seconds(10);
constexpr Duration kStall = seconds(1);  // for which a busy machine may leave a thread of the test waiting

std::unique_ptr<Transport> transport_to(const HttpServer& server) {
  auto transport = make_transport({server.url(), {}, "sluice-test/1"});
  EXPECT_TRUE(transport);
  return std::move(*transport);
}

Request get(std::string path) {
  Request request;
  request.path = std::move(path);
  return request;
}

ErrorCode code_of(const Result<StreamEnd>& result) {
  return result ? ErrorCode::Internal : result.error().code;
}

TEST(Stream, GivesPiecesAsTheyComeOnTheCallersThread) {
  // The server sends the second piece only after the first was seen: a reader that waits for more hangs here.
  std::latch first_seen(1);
  HttpServer server([&](HttpExchange& http) {
    http.begin_chunked();
    http.chunk("one\n");
    first_seen.wait();
    http.chunk("two\n");
    http.end_chunked();
  });
  const auto here = std::this_thread::get_id();
  std::vector<std::string> pieces;
  const auto end = transport_to(server)->stream(get("/"), kIdle,
                                                [&](std::string_view bytes) {
                                                  EXPECT_EQ(std::this_thread::get_id(), here);
                                                  pieces.emplace_back(bytes);
                                                  if (pieces.size() == 1) first_seen.count_down();
                                                  return true;
                                                },
                                                {});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->status, 200);
  EXPECT_EQ(pieces, (std::vector<std::string>{"one\n", "two\n"}));
}

TEST(Stream, TellsThatItHasBegunBeforeThereIsAnyPiece) {
  std::latch told(1);
  HttpServer server([&](HttpExchange& http) {
    if (http.request().target == "/error") return http.respond(503, "");
    http.begin_chunked();
    told.wait();
    http.end_chunked();
  });
  Request request = get("/");
  int times = 0;
  request.begun = [&] {
    ++times;
    told.count_down();
  };
  const auto transport = transport_to(server);
  ASSERT_TRUE(transport->stream(request, kIdle, [](std::string_view) { return true; }, {}));
  EXPECT_EQ(times, 1);
  request.path = "/error";
  ASSERT_TRUE(transport->stream(request, kIdle, [](std::string_view) { return true; }, {}));
  EXPECT_EQ(times, 1);
}

TEST(Stream, ChunksCutAnywhereGiveTheSameBytes) {
  HttpServer server([](HttpExchange& http) {
    // One chunk, its header and its end, written a byte at a time; then two chunks in one write.
    for (const char c :
         std::string_view("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")) {
      http.write(std::string(1, c));
    }
    http.write("3\r\n, w\r\n4\r\norld\r\n0\r\n\r\n");
  });
  std::string all;
  const auto end = transport_to(server)->stream(
      get("/"), kIdle, [&](std::string_view bytes) { return all.append(bytes), true; }, {});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(all, "hello, world");
}

TEST(Stream, AnErrorAnswerIsReturnedNotStreamed) {
  HttpServer server([](HttpExchange& http) {
    if (http.request().target == "/cut") {
      http.write("HTTP/1.1 503 X\r\nContent-Length: 100\r\n\r\nsorry");
      return http.close();
    }
    http.respond(410, R"({"kind":"Status"})", {{"Retry-After", "3"}});
  });
  auto transport = transport_to(server);
  const auto never = [](std::string_view) -> bool { throw std::logic_error("called"); };
  const auto gone = transport->stream(get("/"), kIdle, never, {});
  ASSERT_TRUE(gone) << gone.error().message;
  EXPECT_EQ(gone->status, 410);
  EXPECT_EQ(gone->error_body, R"({"kind":"Status"})");
  EXPECT_EQ(find_header(gone->headers, "Retry-After"), "3");
  const auto cut = transport->stream(get("/cut"), kIdle, never, {});
  ASSERT_TRUE(cut) << cut.error().message;
  EXPECT_EQ(cut->status, 503);
}

TEST(Stream, AnEndlessErrorBodyIsCapped) {
  HttpServer server([](HttpExchange& http) {
    http.begin_chunked(500);
    while (http.write("5\r\nwords\r\n")) {
    }
  });
  Request request = get("/");
  request.max_body = 1000;
  const auto end = transport_to(server)->stream(request, kIdle, [](std::string_view) { return true; }, {});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->status, 500);
  EXPECT_EQ(end->error_body.size(), 1000u);
}

TEST(Stream, AnAbruptEndIsAnErrorAfterAllBytesWereGiven) {
  HttpServer server([](HttpExchange& http) {
    http.begin_chunked();
    http.chunk("seen");
    // The client reads on only when it has handed over the piece: the end cannot overtake it.
    if (http.request().target == "/in-a-chunk") http.write("5\r\nab");
    http.close();
  });
  auto transport = transport_to(server);
  for (const char* path : {"/fin", "/in-a-chunk"}) {
    std::string all;
    const auto end = transport->stream(get(path), kIdle,
                                       [&](std::string_view bytes) { return all.append(bytes), true; }, {});
    EXPECT_EQ(code_of(end), ErrorCode::Unavailable) << path;
    EXPECT_EQ(all, "seen") << path;
  }
}

TEST(Stream, AReset) {
  std::latch seen(1);
  HttpServer server([&](HttpExchange& http) {
    http.begin_chunked();
    http.chunk("x");
    seen.wait();
    http.reset();
  });
  const auto end = transport_to(server)->stream(
      get("/"), kIdle, [&](std::string_view) { return seen.count_down(), true; }, {});
  EXPECT_EQ(code_of(end), ErrorCode::Unavailable);
}

TEST(StreamTime, SilenceEndsItAndEventsKeepItAlive) {
  HttpServer server([](HttpExchange& http) {
    http.begin_chunked();
    for (int i = 0; i < 8; ++i) {
      if (http.wait_for_close(kStall / 5)) return;
      http.chunk("x");
    }
    http.wait_for_close();
  });
  int pieces = 0;
  const auto began = Steady::now();
  const auto end =
      transport_to(server)->stream(get("/"), kStall, [&](std::string_view) { return ++pieces, true; }, {});
  EXPECT_EQ(code_of(end), ErrorCode::Timeout);
  EXPECT_EQ(pieces, 8);  // 1.6 s of events under 1 s of patience
  EXPECT_GE(Steady::now() - began, kStall * 8 / 5 + kStall - milliseconds(20));
  EXPECT_LT(Steady::now() - began, kIdle);
}

TEST(StreamTime, TheDeadlineEndsAWaitForTheHeaders) {
  HttpServer server([](HttpExchange& http) { http.wait_for_close(); });
  Request silent = get("/");
  silent.deadline = milliseconds(200);
  const auto end = transport_to(server)->stream(silent, kIdle, [](std::string_view) { return true; }, {});
  EXPECT_EQ(code_of(end), ErrorCode::Timeout);
}

TEST(StreamTime, TheDeadlineIsForTheHeadersOnly) {
  // On a machine so busy that headers take a second, a longer deadline tells the same.
  std::optional<Error> end;
  for (const auto deadline : {kStall, kStall * 2, kStall * 4}) {
    HttpServer server([&](HttpExchange& http) {
      http.begin_chunked();
      if (!http.wait_for_close(deadline * 5 / 4)) http.chunk("late");
      http.end_chunked();
    });
    Request late = get("/");
    late.deadline = deadline;
    const auto result = transport_to(server)->stream(late, kIdle, [](std::string_view) { return true; }, {});
    if (result) return;
    end = result.error();
  }
  FAIL() << end->message;
}

TEST(StreamTime, ASlowReaderIsNotSilence) {
  HttpServer server([](HttpExchange& http) {
    http.begin_chunked();
    http.chunk("a");
    http.chunk("b");
    http.end_chunked();
  });
  const auto end = transport_to(server)->stream(
      get("/"), kStall,
      [&](std::string_view) {
        std::this_thread::sleep_for(kStall * 5 / 4);  // the slowness is what is tested
        return true;
      },
      {});
  EXPECT_TRUE(end) << end.error().message;
}

TEST(StreamStop, ReturnsPromptlyFromSilenceAndFromABusyStream) {
  std::latch silent(1);
  HttpServer server([&](HttpExchange& http) {
    http.begin_chunked();
    if (http.request().target == "/busy") {
      while (http.write("5\r\nwords\r\n")) {
      }
      return;
    }
    http.chunk("x");
    http.wait_for_close();
  });
  auto transport = transport_to(server);
  for (const char* path : {"/silent", "/busy"}) {
    std::stop_source stop;
    std::promise<void> running;
    std::atomic<int> pieces{0};
    auto pending = std::async(std::launch::async, [&] {
      return transport->stream(
          get(path), kIdle,
          [&](std::string_view) {
            if (pieces++ == 0) running.set_value();
            return true;
          },
          stop.get_token());
    });
    running.get_future().wait();
    const auto began = Steady::now();
    stop.request_stop();
    EXPECT_EQ(code_of(pending.get()), ErrorCode::Cancelled) << path;
    EXPECT_LT(Steady::now() - began, kIdle / 2) << path;
  }
}

TEST(StreamStop, TheReaderMayEndIt) {
  HttpServer server([](HttpExchange& http) {
    http.begin_chunked();
    while (http.write("1\r\nx\r\n")) {
    }
  });
  int pieces = 0;
  auto transport = transport_to(server);
  EXPECT_EQ(code_of(transport->stream(get("/"), kIdle, [&](std::string_view) { return ++pieces < 3; }, {})),
            ErrorCode::Cancelled);
  EXPECT_EQ(pieces, 3);
}

TEST(StreamStop, AThrowingReaderEndsOnlyItsStream) {
  HttpServer server([](HttpExchange& http) {
    http.begin_chunked();
    http.chunk("x");
    http.wait_for_close();
  });
  const auto end = transport_to(server)->stream(
      get("/"), kIdle, [](std::string_view) -> bool { throw std::runtime_error("bug"); }, {});
  EXPECT_EQ(code_of(end), ErrorCode::Cancelled);
}

// While the reader is busy, no more is taken from the socket than fits its buffers.
TEST(StreamPressure, ASlowReaderStopsTheServer) {
  constexpr std::size_t kTotal = 64u << 20;
  std::atomic<std::size_t> written{0};
  HttpServer server([&](HttpExchange& http) {
    const std::string piece(64 * 1024, 'x');
    http.begin_chunked();
    while (written < kTotal && http.write("10000\r\n" + piece + "\r\n")) written += piece.size();
    http.end_chunked();
  });
  std::size_t read = 0;
  std::size_t written_while_blocked = 0;
  const auto end = transport_to(server)->stream(get("/"), kIdle,
                                                [&](std::string_view bytes) {
                                                  if (read == 0) {
                                                    // Until the server has not got rid of a byte for a while:
                                                    // it is blocked, or has sent all.
                                                    for (std::size_t before = 1; before != written;) {
                                                      before = written;
                                                      std::this_thread::sleep_for(milliseconds(300));
                                                    }
                                                    written_while_blocked = written;
                                                  }
                                                  read += bytes.size();
                                                  return true;
                                                },
                                                {});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_LT(written_while_blocked, kTotal / 4);
  EXPECT_EQ(read, kTotal);
}

TEST(StreamPressure, ManyStreamsWithBusyReadersDoNotStarveOthers) {
  // More streams than network threads would serve if a reader blocked one.
  constexpr int kStreams = 60;
  HttpServer server([](HttpExchange& http) {
    if (http.request().target == "/short") return http.respond(200, "ok");
    http.begin_chunked();
    http.chunk("x");
    http.wait_for_close();
  });
  auto transport = transport_to(server);
  std::latch blocked(kStreams);
  std::latch release(1);
  std::vector<std::jthread> threads;
  for (int i = 0; i < kStreams; ++i) {
    threads.emplace_back([&] {
      (void)transport->stream(get("/stream"), kIdle,
                              [&](std::string_view) {
                                blocked.count_down();
                                release.wait();
                                return false;
                              },
                              {});
    });
  }
  blocked.wait();
  EXPECT_TRUE(transport->send(get("/short"), {}));
  release.count_down();
}

}  // namespace
}  // namespace sluice::http
