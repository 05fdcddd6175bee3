/// Checks what comes in through the C interface and turns it into C++.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "posekit/geometry.h"
#include "posekit/image.h"
#include "posekit/model.h"
#include "posekit/run_control.h"
#include "posekit_c.h"

namespace posekit_c {

/// @throws posekit::Error invalid_argument
[[noreturn]] void fail(const std::string& message);

/// @throws posekit::Error invalid_argument if it is NULL
template <class T>
T& require(T* pointer, const char* name) {
  if (pointer == nullptr) fail(std::string(name) + " is NULL: pass a valid pointer");
  return *pointer;
}

/// What an out parameter says until the call has succeeded.
template <class T>
void clear(T* out) noexcept {
  if (out != nullptr) *out = T{};
}

template <class T>
void clear_array(const T** data, std::size_t* count) noexcept {
  clear(data);
  clear(count);
}

/// Shows an array of an object's own.
template <class T>
void give_array(const std::vector<T>& values, const T** data, const char* data_name, std::size_t* count, const char* count_name) {
  require(data, data_name);
  require(count, count_name);
  *data = values.data();
  *count = values.size();
}

/// Copies to a buffer of the caller's; to NULL with room for none nothing. @throws posekit::Error invalid_argument if it is too small
template <class T>
void copy_out(std::span<const T> values, T* buffer, std::size_t capacity, const char* name) {
  if (buffer == nullptr && capacity == 0) return;
  require(buffer, name);
  if (capacity < values.size()) {
    fail(std::string(name) + " has room for " + std::to_string(capacity) + " elements, " + std::to_string(values.size()) +
         " are needed: pass a larger buffer");
  }
  std::copy(values.begin(), values.end(), buffer);
}

/// An array of the caller's. @throws posekit::Error invalid_argument if it is NULL but not empty, or larger than memory can be
template <class T>
std::span<const T> array(const T* data, std::size_t count, const char* name) {
  if (count == 0) return {};
  if (data == nullptr) fail(std::string(name) + " is NULL, but has " + std::to_string(count) + " elements: pass the array, or 0 elements");
  if (count > PTRDIFF_MAX / sizeof(T)) {
    fail(std::string(name) + " has " + std::to_string(count) + " elements, more than memory can hold: pass their real number");
  }
  return {data, count};
}

/// @throws posekit::Error invalid_argument if index >= count
void check_index(std::size_t index, std::size_t count, const char* name);

/// A value of 0 or 1. @throws posekit::Error invalid_argument
bool boolean(std::int32_t value, const char* name);

/// @throws posekit::Error invalid_argument if value is not in [0, count)
void check_enumerator(std::int32_t value, std::int32_t count, const char* name);

/// @throws posekit::Error invalid_argument if a struct of this size can't be one of any version
void check_struct_size(std::size_t size, std::size_t first_size, const char* type);

/// @throws posekit::Error invalid_argument unless a member that has no meaning yet is 0
void check_reserved(std::int32_t reserved, const char* type);

/// @throws posekit::Error invalid_argument if a bit is set that stands for no member
void check_set(std::uint64_t set, std::uint64_t known, const char* type);

/// An option struct of any version: members that the caller's version does not have yet are 0. Members that this version does not know
/// must be 0.
/// @param first_size the struct's size in the first release that had it
template <class Options>
Options read_options(const Options* given, std::size_t first_size, const char* type) {
  Options options{};
  if (given == nullptr) return options;
  const std::size_t size = given->struct_size;
  check_struct_size(size, first_size, type);
  std::memcpy(&options, given, std::min(size, sizeof options));
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  if (size > sizeof options && std::any_of(bytes + sizeof options, bytes + size, [](unsigned char byte) { return byte != 0; })) {
    fail(std::string(type) + " sets a member that this version of posekit does not have: unsupported; use a newer posekit or leave it 0");
  }
  return options;
}

/// Fills a struct of any version that the caller sized; members that this version does not know become 0.
template <class Struct, class Make>
void fill_struct(Struct& out, std::size_t first_size, const char* type, Make make) {
  const std::size_t size = out.struct_size;
  check_struct_size(size, first_size, type);
  std::memset(&out, 0, size);
  out.struct_size = size;
  Struct value = make();
  value.struct_size = size;
  std::memcpy(&out, &value, std::min(size, sizeof value));
}

std::vector<std::string> strings(const char* const* texts, std::size_t count, const char* name);
/// @throws posekit::Error invalid_argument if members contradict each other
posekit::ImageView image_view(const posekit_image& image);
posekit_image c_image(const posekit::ImageView& image) noexcept;
std::vector<posekit::Box> boxes(const posekit_box* given, std::size_t count);
posekit_box c_box(const posekit::Box& box) noexcept;
posekit::ModelOptions model_options(const posekit_model_options* given);
posekit::RunControl run_control(const posekit_control* control);

/// A text that the caller will own. @throws std::bad_alloc
char* new_string(const std::string& text);

}  // namespace posekit_c
