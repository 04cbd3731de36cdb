// The body of a watch, cut anywhere, as events.
//
// The server writes one JSON object a line; pieces of the body end wherever the network cut them. The decoder
// keeps the unfinished line, up to a limit, and calls back for each whole one.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/client.h"

namespace sluice::kube {

class WatchDecoder {
 public:
  using Handler = std::function<void(WatchEvent)>;
  static constexpr std::size_t kLongestLine = 8u << 20;  // bytes; an object in etcd has at most 1.5 MiB

  explicit WatchDecoder(Handler handler, std::size_t longest_line = kLongestLine)
      : handler_(std::move(handler)), longest_line_(longest_line) {}

  // False: the watch has failed, `error` says how; nothing more is decoded.
  bool feed(std::string_view bytes);
  // The body has ended: Unavailable when it ended within a line, which a broken proxy does.
  Outcome finish() const;

  const std::optional<Error>& error() const { return error_; }

 private:
  bool decode(std::string_view line);
  bool fail(Error error);

  Handler handler_;
  std::size_t longest_line_;
  std::string rest_;
  std::optional<Error> error_;
};

}  // namespace sluice::kube
