// Where cpprest puts the bytes of a response body: straight into an Exchange.
//
// Only push_buffer.cpp and transport.cpp may include this header: they are the two files that see cpprest.
#pragma once

#include <cpprest/streams.h>

#include <memory>

#include "http/exchange.h"

namespace sluice::http {

// A stream that cpprest can write a body to. It never throws into the library (which would end the process)
// and its writes complete when the caller has consumed the bytes.
concurrency::streams::ostream make_push_stream(std::shared_ptr<Exchange> exchange);

}  // namespace sluice::http
