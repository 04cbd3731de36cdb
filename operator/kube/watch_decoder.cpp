#include "kube/watch_decoder.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "kube/object.h"
#include "kube/status.h"

namespace sluice::kube {

namespace {

std::optional<WatchEvent::Type> event_type(const std::string& name) {
  if (name == "ADDED") return WatchEvent::Type::Added;
  if (name == "MODIFIED") return WatchEvent::Type::Modified;
  if (name == "DELETED") return WatchEvent::Type::Deleted;
  if (name == "BOOKMARK") return WatchEvent::Type::Bookmark;
  return std::nullopt;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

bool ends_initial_events(const WatchEvent& event) {
  return event.type == WatchEvent::Type::Bookmark &&
         annotation_of(event.object, "k8s.io/initial-events-end") == "true";
}

bool WatchDecoder::fail(Error error) {
  error_ = std::move(error);
  rest_.clear();
  return false;
}

bool WatchDecoder::decode(std::string_view line) {
  if (is_blank(line)) return true;
  auto event = nlohmann::json::parse(line, nullptr, false);
  if (!event.is_object()) return fail({ErrorCode::Internal, "a line of the watch is not a JSON object", {}});
  const auto object = event.find("object");
  if (object == event.end() || !object->is_object()) {
    return fail({ErrorCode::Internal, "an event of the watch has no object", {}});
  }
  const std::string name = string_at(event, {"type"});
  if (name == "ERROR") return fail(error_from_status(*object));
  const auto type = event_type(name);
  if (!type)
    return fail({ErrorCode::Internal, "the watch sent an event of the unknown type '" + name + "'", {}});
  handler_(WatchEvent{*type, *object});
  return true;
}

bool WatchDecoder::feed(std::string_view bytes) {
  if (error_) return false;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view head = bytes.substr(0, end);
    if (rest_.size() + head.size() > longest_line_) {
      return fail({ErrorCode::TooLarge,
                   "a line of the watch is longer than " + std::to_string(longest_line_) + " bytes",
                   {}});
    }
    if (end == std::string_view::npos) {
      rest_.append(head);
      return true;
    }
    // A line that lies in one piece, as nearly all do, is decoded where it is.
    bool decoded = false;
    if (rest_.empty()) {
      decoded = decode(head);
    } else {
      rest_.append(head);
      const std::string line = std::exchange(rest_, {});
      decoded = decode(line);
    }
    if (!decoded) return false;
    bytes.remove_prefix(end + 1);
  }
  return true;
}

Outcome WatchDecoder::finish() const {
  if (error_) return *error_;
  if (!is_blank(rest_)) return Error{ErrorCode::Unavailable, "the watch ended in the middle of an event", {}};
  return Ok{};
}

}  // namespace sluice::kube
