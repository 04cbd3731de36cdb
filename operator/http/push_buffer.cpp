#include "http/push_buffer.h"

#include <cstdint>
#include <string_view>
#include <utility>

namespace sluice::http {

namespace {

// The library asks for a complete stream buffer; only _putn has work to do. All that reads, seeks or lends
// memory says that there is nothing.
class PushBuffer final : public concurrency::streams::details::streambuf_state_manager<std::uint8_t> {
 public:
  explicit PushBuffer(std::shared_ptr<Exchange> exchange)
      : streambuf_state_manager(std::ios_base::out), exchange_(std::move(exchange)) {}

  bool can_seek() const override { return false; }
  bool has_size() const override { return false; }
  std::size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(std::size_t, std::ios_base::openmode) override {}
  std::size_t in_avail() const override { return 0; }
  pos_type getpos(std::ios_base::openmode) const override { return kNowhere; }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return kNowhere; }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override { return kNowhere; }
  bool acquire(std::uint8_t*& pointer, std::size_t& count) override {
    pointer = nullptr;
    count = 0;
    return false;
  }
  void release(std::uint8_t*, std::size_t) override {}

 protected:
  pplx::task<std::size_t> _putn(const std::uint8_t* bytes, std::size_t count) override {
    pplx::task_completion_event<std::size_t> consumed;
    exchange_->on_piece(std::string_view(reinterpret_cast<const char*>(bytes), count),
                        [consumed, count] { consumed.set(count); });
    return pplx::create_task(consumed);
  }

  pplx::task<int_type> _putc(std::uint8_t) override { return nothing(); }
  pplx::task<int_type> _bumpc() override { return nothing(); }
  int_type _sbumpc() override { return traits::eof(); }
  pplx::task<int_type> _getc() override { return nothing(); }
  int_type _sgetc() override { return traits::eof(); }
  pplx::task<int_type> _nextc() override { return nothing(); }
  pplx::task<int_type> _ungetc() override { return nothing(); }
  pplx::task<std::size_t> _getn(std::uint8_t*, std::size_t) override {
    return pplx::task_from_result<std::size_t>(0);
  }
  std::size_t _scopy(std::uint8_t*, std::size_t) override { return 0; }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  std::uint8_t* _alloc(std::size_t) override { return nullptr; }
  void _commit(std::size_t) override {}

 private:
  static inline const pos_type kNowhere = static_cast<pos_type>(static_cast<off_type>(-1));
  static pplx::task<int_type> nothing() { return pplx::task_from_result<int_type>(traits::eof()); }

  std::shared_ptr<Exchange> exchange_;
};

}  // namespace

concurrency::streams::ostream make_push_stream(std::shared_ptr<Exchange> exchange) {
  std::shared_ptr<concurrency::streams::details::basic_streambuf<std::uint8_t>> buffer =
      std::make_shared<PushBuffer>(std::move(exchange));
  return concurrency::streams::ostream(concurrency::streams::streambuf<std::uint8_t>(buffer));
}

}  // namespace sluice::http
