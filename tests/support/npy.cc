/// Reads .npy files.
#include "support/npy.h"

#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace posekit_test {
namespace {

constexpr std::size_t preamble_bytes = 10;
constexpr std::size_t most_values = std::size_t{1} << 28;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(".npy: " + what); }

/// What follows 'key': in the header's Python dictionary.
std::string_view value_of(std::string_view header, std::string_view key) {
  const std::size_t at = header.find(key);
  if (at == std::string_view::npos) fail("no " + std::string(key));
  const std::size_t colon = header.find(':', at);
  if (colon == std::string_view::npos) fail("no value of " + std::string(key));
  std::string_view value = header.substr(colon + 1);
  while (value.starts_with(' ')) value.remove_prefix(1);
  return value;
}

std::vector<std::size_t> shape_of(std::string_view text) {
  if (!text.starts_with('(')) fail("shape is no tuple");
  std::vector<std::size_t> shape;
  const char* at = text.data() + 1;
  const char* end = text.data() + text.size();
  for (;;) {
    while (at != end && (*at == ' ' || *at == ',')) ++at;
    if (at == end) fail("shape does not end");
    if (*at == ')') return shape;
    std::size_t length = 0;
    const auto [next, error] = std::from_chars(at, end, length);
    if (error != std::errc{}) fail("shape holds no number");
    if (shape.size() == 8) fail("too many dimensions");
    shape.push_back(length);
    at = next;
  }
}

std::size_t count_of(const std::vector<std::size_t>& shape) {
  std::size_t count = 1;
  for (const std::size_t length : shape) {
    if (length != 0 && count > most_values / length) fail("too many values");
    count *= length;
  }
  return count;
}

template <class Value>
std::vector<double> values_of(std::string_view bytes, std::size_t count) {
  if (bytes.size() != count * sizeof(Value)) fail("the data are shorter or longer than the shape says");
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    Value value;
    std::memcpy(&value, bytes.data() + i * sizeof(Value), sizeof(Value));
    values[i] = static_cast<double>(value);
  }
  return values;
}

}  // namespace

NpyArray parse_npy(std::string_view bytes) {
  if (!bytes.starts_with(std::string_view("\x93NUMPY\x01\x00", 8)) || bytes.size() < preamble_bytes) fail("not version 1.0");
  const std::size_t header_bytes = static_cast<unsigned char>(bytes[8]) + 256U * static_cast<unsigned char>(bytes[9]);
  if (bytes.size() - preamble_bytes < header_bytes) fail("the header is cut off");
  const std::string_view header = bytes.substr(preamble_bytes, header_bytes);
  if (!value_of(header, "'fortran_order'").starts_with("False")) fail("not in C order");
  NpyArray array;
  array.shape = shape_of(value_of(header, "'shape'"));
  const std::size_t count = count_of(array.shape);
  const std::string_view data = bytes.substr(preamble_bytes + header_bytes);
  const std::string_view type = value_of(header, "'descr'");
  if (type.starts_with("'<f4'")) {
    array.values = values_of<float>(data, count);
  } else if (type.starts_with("'<f8'")) {
    array.values = values_of<double>(data, count);
  } else {
    fail("neither <f4 nor <f8");
  }
  return array;
}

NpyArray read_npy(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("can't open " + path.string());
  return parse_npy(std::string{std::istreambuf_iterator<char>(file), {}});
}

std::vector<float> to_floats(const NpyArray& array) {
  std::vector<float> floats;
  floats.reserve(array.values.size());
  for (const double value : array.values) floats.push_back(static_cast<float>(value));
  return floats;
}

}  // namespace posekit_test
