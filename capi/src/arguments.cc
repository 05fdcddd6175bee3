/// Checks what comes in through the C interface and turns it into C++.
#include "arguments.h"

#include "posekit/error.h"

namespace posekit_c {
namespace {

constexpr std::size_t largest_struct = 4096;  // so that a wild size is not read to its end

posekit::MetadataSource metadata_source(const posekit_model_options& options) {
  const int given = (options.metadata_json != nullptr) + (options.metadata_file != nullptr) + (options.metadata_preset != nullptr);
  if (given > 1) {
    fail("posekit_model_options sets " + std::to_string(given) + " of metadata_json, metadata_file and metadata_preset: set at most one");
  }
  if (options.metadata_json != nullptr) return posekit::MetadataDocument{options.metadata_json};
  if (options.metadata_file != nullptr) return posekit::MetadataFile{options.metadata_file};
  if (options.metadata_preset != nullptr) return posekit::MetadataPreset{options.metadata_preset};
  return {};
}

}  // namespace

void fail(const std::string& message) { throw posekit::Error(posekit::ErrorCode::invalid_argument, message); }

void check_index(std::size_t index, std::size_t count, const char* name) {
  if (index >= count)
    fail(std::string(name) + " is " + std::to_string(index) + ", but there are " + std::to_string(count) + ": pass an index below that");
}

bool boolean(std::int32_t value, const char* name) {
  if (value != 0 && value != 1) fail(std::string(name) + " is " + std::to_string(value) + ", 0 or 1 is expected");
  return value == 1;
}

void check_enumerator(std::int32_t value, std::int32_t count, const char* name) {
  if (value < 0 || value >= count) {
    fail(std::string(name) + " is " + std::to_string(value) + ", a value from 0 to " + std::to_string(count - 1) +
         " is expected: take one of its enumeration");
  }
}

void check_struct_size(std::size_t size, std::size_t first_size, const char* type) {
  if (size < first_size || size > largest_struct) {
    fail(std::string(type) + "'s struct_size is " + std::to_string(size) + ", at least " + std::to_string(first_size) +
         " is expected: begin with its _INIT macro");
  }
}

void check_reserved(std::int32_t reserved, const char* type) {
  if (reserved != 0) fail(std::string(type) + ".reserved is " + std::to_string(reserved) + ", 0 is expected: it has no meaning yet");
}

void check_set(std::uint64_t set, std::uint64_t known, const char* type) {
  if ((set & ~known) != 0) {
    fail(std::string(type) + ".set is " + std::to_string(set) + ", a combination of its enumeration's bits is expected, at most " +
         std::to_string(known) + ": take them from the header");
  }
}

std::vector<std::string> strings(const char* const* texts, std::size_t count, const char* name) {
  std::vector<std::string> result;
  for (const char* text : array(texts, count, name)) {
    result.emplace_back(&require(text, (std::string(name) + "[" + std::to_string(result.size()) + "]").c_str()));
  }
  return result;
}

posekit::ImageView image_view(const posekit_image& image) {
  check_enumerator(image.format, POSEKIT_PIXEL_FORMAT_RGBA8 + 1, "the image's format");
  check_enumerator(image.device, POSEKIT_DEVICE_CUDA + 1, "the image's device");
  check_reserved(image.reserved, "posekit_image");
  for (const int plane : {1, 2}) {
    if (image.planes[plane] != nullptr || image.strides[plane] != 0)
      fail("the image's plane " + std::to_string(plane) + " is set, but its format is interleaved: use plane 0 and leave the others 0");
  }
  const auto format = static_cast<posekit::PixelFormat>(image.format);
  const auto tight = static_cast<std::size_t>(std::max(image.width, 0)) * static_cast<std::size_t>(posekit::channels(format));
  posekit::ImageView view{image.planes[0], image.width, image.height, image.strides[0] == 0 ? tight : image.strides[0], format};
  if (image.device == POSEKIT_DEVICE_CPU) {
    if (image.device_index != 0 || image.stream != nullptr)
      fail("the image has a device_index or a stream, but its device is the CPU: set device to POSEKIT_DEVICE_CUDA, or leave both 0");
    return view;
  }
  if (image.device_index < 0) fail("the image's device_index is " + std::to_string(image.device_index) + ", a device's number is expected");
  view.cuda_device = image.device_index;
  view.cuda_stream = image.stream;
  return view;
}

posekit_image c_image(const posekit::ImageView& image) noexcept {
  return {.planes = {image.data, nullptr, nullptr},
          .strides = {image.stride, 0, 0},
          .width = image.width,
          .height = image.height,
          .format = static_cast<posekit_pixel_format>(image.format),
          .device = image.on_device() ? POSEKIT_DEVICE_CUDA : POSEKIT_DEVICE_CPU,
          .device_index = image.on_device() ? image.cuda_device : 0,
          .reserved = 0,
          .stream = image.cuda_stream};
}

std::vector<posekit::Box> boxes(const posekit_box* given, std::size_t count) {
  std::vector<posekit::Box> result;
  const auto all = array(given, count, "boxes");
  result.reserve(all.size());
  for (const posekit_box& box : all) result.push_back({box.x1, box.y1, box.x2, box.y2, box.score == 0 ? 1 : box.score});
  return result;
}

posekit_box c_box(const posekit::Box& box) noexcept { return {box.x1, box.y1, box.x2, box.y2, box.score, 0}; }

posekit::ModelOptions model_options(const posekit_model_options* given) {
  constexpr std::size_t first_size = offsetof(posekit_model_options, reserved) + sizeof(int32_t);
  const auto options = read_options(given, first_size, "posekit_model_options");
  check_enumerator(options.precision, POSEKIT_PRECISION_BF16 + 1, "precision");
  check_enumerator(options.warm_up, POSEKIT_WARM_UP_NONE + 1, "warm_up");
  check_enumerator(options.fuse, POSEKIT_FUSE_NONE + 1, "fuse");
  posekit::ModelOptions result;
  result.metadata = metadata_source(options);
  if (options.sha256 != nullptr) result.sha256 = options.sha256;
  if (options.device != nullptr) result.device = options.device;
  result.precision = static_cast<posekit::Precision>(options.precision);
  result.warm_up = static_cast<posekit::WarmUp>(options.warm_up);
  result.fuse = options.fuse == POSEKIT_FUSE_AUTO;
  return result;
}

char* new_string(const std::string& text) {
  char* copy = new char[text.size() + 1];
  std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

}  // namespace posekit_c

void posekit_string_destroy(char* text) { delete[] text; }
