// SmallElement: the GstBaseTransform shell of our small in-place elements, so that each of them is its own logic only.
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

/// A property of a small element. All can be changed in NULL and READY.
struct PropertyRow {
  enum class Kind { kString, kUint, kInt, kDouble, kBool };
  const char* name;
  Kind kind;
  const char* blurb;
  const char* text_default = nullptr;              ///< kString.
  double least = 0, most = 0, number_default = 0;  ///< Numbers; kBool uses number_default.
};

/// The values of an element's properties while it runs.
class PropertyValues {
 public:
  explicit PropertyValues(std::span<const PropertyRow> rows);

  [[nodiscard]] const std::string& text(std::string_view name) const { return at(name).text; }
  [[nodiscard]] double number(std::string_view name) const { return at(name).number; }
  [[nodiscard]] bool flag(std::string_view name) const { return at(name).number != 0; }

  /// \param id  Row number from 1.
  void set(guint id, const GValue* value);
  void get(guint id, GValue* value) const;

 private:
  struct Value {
    std::string text;
    double number = 0;
  };
  [[nodiscard]] const Value& at(std::string_view name) const;

  std::span<const PropertyRow> rows_;
  std::vector<Value> values_;
};

/// What an element does while it runs. Made in READY → PAUSED, destroyed in PAUSED → READY.
/// \thread All functions are called by the streaming thread.
class ElementWork {
 public:
  ElementWork() = default;
  ElementWork(const ElementWork&) = delete;
  ElementWork& operator=(const ElementWork&) = delete;
  virtual ~ElementWork() = default;

  /// A buffer passes, writable unless the element is passthrough. May throw Error: it becomes an element error.
  virtual void process(GstBuffer* buffer) = 0;
  /// \param info  nullptr when the caps are not raw video.
  virtual void set_caps(const GstVideoInfo* info) { (void)info; }
  virtual void flush() {}
  virtual void end_of_stream() {}
};

/// Everything that distinguishes one small element from another; one constant each.
struct SmallElementInfo {
  const char* type_name = nullptr;  ///< "FvTrack".
  const char* long_name = nullptr;
  const char* klass = nullptr;
  const char* description = nullptr;
  bool any_caps = false;     ///< Any stream, not only raw video.
  bool passthrough = false;  ///< Buffers are only looked at.
  std::span<const PropertyRow> properties;
  std::unique_ptr<ElementWork> (*make)(GstElement* element, const PropertyValues& values) = nullptr;
};

/// Registers the GObject type. `info` lives as long as the process.
GType register_small_element(const SmallElementInfo* info);

}  // namespace fovea
