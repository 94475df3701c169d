// Where exceptions end: C++ errors become element errors with the same text.
#pragma once

#include <gst/gst.h>

#include <exception>

#include "engine/base/error.hpp"

namespace fovea {

/// Posts the exception in flight as an error of the element. Call inside a catch block.
void post_current_exception(GstElement* element);

/// Runs `body`; on an exception posts it and returns `on_error`.
template <class Result, class Body>
Result guarded(GstElement* element, Result on_error, Body&& body) {
  try {
    return body();
  } catch (...) {
    post_current_exception(element);
    return on_error;
  }
}

/// The exception's text.
std::string describe_exception(const std::exception_ptr& exception);

}  // namespace fovea
