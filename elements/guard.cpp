#include "elements/guard.hpp"

namespace fovea {
namespace {

void post(GstElement* element, ErrorCode code, const char* text) {
  switch (code) {
    case ErrorCode::kNotFound:
      GST_ELEMENT_ERROR(element, RESOURCE, NOT_FOUND, ("%s", text), (nullptr));
      break;
    case ErrorCode::kInvalidModel:
    case ErrorCode::kInvalidConfig:
    case ErrorCode::kInvalidArgument:
      GST_ELEMENT_ERROR(element, RESOURCE, SETTINGS, ("%s", text), (nullptr));
      break;
    case ErrorCode::kUnsupported:
      GST_ELEMENT_ERROR(element, STREAM, NOT_IMPLEMENTED, ("%s", text), (nullptr));
      break;
    default:
      GST_ELEMENT_ERROR(element, LIBRARY, FAILED, ("%s", text), (nullptr));
      break;
  }
}

}  // namespace

void post_current_exception(GstElement* element) {
  try {
    throw;
  } catch (const Error& error) {
    post(element, error.code(), error.what());
  } catch (const std::exception& error) {
    post(element, ErrorCode::kInternal, error.what());
  }
}

std::string describe_exception(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace fovea
