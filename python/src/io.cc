/// The module posekit._io: image files, videos, folders and drawing. It links image codecs, so it is loaded when it is first used.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "arrays.h"
#include "errors.h"
#include "gil.h"
#include "posekit/draw.h"
#include "posekit/error.h"
#include "posekit/image_io.h"
#include "posekit/listing.h"
#include "posekit/media.h"
#include "posekit/video.h"
#include "results.h"

namespace py = pybind11;
using namespace posekit;  // NOLINT(google-build-using-namespace): what is bound here

namespace posekit_python {
namespace {

py::array read_array(const std::filesystem::path& path, std::uint64_t max_pixels) {
  std::optional<Image> image;
  {
    const GilRelease release;
    image = read_image(path, {.max_pixels = max_pixels});
  }
  return array_of(std::move(*image));
}

py::array decode(const py::bytes& file, const std::string& name, std::uint64_t max_pixels) {
  const std::string_view text = file;
  std::optional<Image> image;
  {
    const GilRelease release;
    image = decode_image(std::as_bytes(std::span(text)), name, {.max_pixels = max_pixels});
  }
  return array_of(std::move(*image));
}

/// A Decoder of posekit._cv2_video or posekit._av_video. Python's exceptions become posekit's.
class PythonDecoder final : public FrameDecoder {
 public:
  explicit PythonDecoder(py::object decoder) : decoder_(std::move(decoder)) {}
  ~PythonDecoder() override {
    const GilAcquire acquire;
    decoder_ = {};
  }

  VideoInfo info() const override {
    return call([&] {
      const auto [width, height, fps, frames] = decoder_.attr("info")().cast<std::tuple<int, int, double, double>>();
      VideoInfo info{.size = {width, height}, .fps = fps, .rotation = 0, .frames = std::nullopt};
      if (frames >= 1 && frames < 1e15) info.frames = static_cast<std::size_t>(frames);
      return info;
    });
  }
  bool grab() override {
    return call([&] { return decoder_.attr("grab")().cast<bool>(); });
  }
  bool retrieve(int rotation, Image& frame) override {
    return call([&] {
      const py::object array = decoder_.attr("retrieve")(rotation);
      if (array.is_none()) return false;
      const ImageView view = view_of(array.cast<py::array>(), false);
      frame = {.pixels = {view.data, view.data + static_cast<std::size_t>(view.height) * view.stride},
               .width = view.width,
               .height = view.height,
               .format = PixelFormat::bgr8};
      return true;
    });
  }
  double time_ms() const override {
    return call([&] { return decoder_.attr("time_ms")().cast<double>(); });
  }

 private:
  template <class Call>
  static auto call(Call calls_python) -> decltype(calls_python()) {
    const GilAcquire acquire;
    try {
      return calls_python();
    } catch (const py::error_already_set& error) {
      throw Error(ErrorCode::io, error.what());
    }
  }

  py::object decoder_;
};

/// A file by the environment's cv2 or PyAV, whichever is there. @return null: it is no video
/// @throws Error not_found with a reason and a remedy if neither is
std::unique_ptr<FrameDecoder> open_by_python(const std::filesystem::path& path, const std::string& why_not_by_posekit) {
  const GilAcquire acquire;
  for (const char* module : {"posekit._cv2_video", "posekit._av_video"}) {
    try {
      py::object decoder = py::module_::import(module).attr("Decoder")(path.string());
      if (!decoder.attr("is_open").cast<bool>()) return nullptr;
      return std::make_unique<PythonDecoder>(std::move(decoder));
    } catch (const py::error_already_set& error) {
      if (!error.matches(PyExc_ImportError)) throw Error(ErrorCode::io, error.what());
    }
  }
  throw Error(ErrorCode::not_found, why_not_by_posekit + ", or cv2 or PyAV (pip install opencv-python-headless, or av)");
}

/// A video by posekit's own decoder, or, where there is no OpenCV for that, by what the environment has.
VideoReader open_video(const std::filesystem::path& file, std::uint64_t max_pixels) {
  std::error_code ignored;
  try {
    return VideoReader(file, {.max_pixels = max_pixels});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found || !std::filesystem::exists(file, ignored)) throw;
    const auto open = [&](const std::filesystem::path& path) { return open_by_python(path, error.what()); };
    return VideoReader(file, {.max_pixels = max_pixels, .open_file = open});
  }
}

VideoReader open_video(int camera, std::uint64_t max_pixels) { return VideoReader(camera, {.max_pixels = max_pixels}); }

/// Of an image or of a video's frames.
std::pair<int, int> input_size(const std::filesystem::path& path, std::uint64_t max_pixels) {
  const GilRelease release;
  const bool video = media_kind_of_content(path) == MediaKind::video;
  const Size size = video ? open_video(path, max_pixels).info().size : image_size(path, {.max_pixels = max_pixels});
  return {size.width, size.height};
}

void write_array(const std::filesystem::path& path, const py::array& pixels, bool rgb, bool sync) {
  const ImageView view = view_of(pixels, rgb);
  const GilRelease release;
  write_image(path, view, {.sync = sync});
}

/// A copy with three channels in the same order of colours: gray spread, alpha dropped.
Image three_channels(const ImageView& view) {
  validate(view);
  const auto step = static_cast<std::size_t>(channels(view.format));
  const bool rgb = view.format == PixelFormat::rgb8 || view.format == PixelFormat::rgba8;
  Image image{.pixels = {}, .width = view.width, .height = view.height, .format = rgb ? PixelFormat::rgb8 : PixelFormat::bgr8};
  image.pixels.resize(static_cast<std::size_t>(view.width) * static_cast<std::size_t>(view.height) * 3);
  std::uint8_t* out = image.pixels.data();
  for (int y = 0; y < view.height; ++y) {
    const std::uint8_t* pixel = view.data + static_cast<std::size_t>(y) * view.stride;
    for (int x = 0; x < view.width; ++x, pixel += step) {
      for (std::size_t c = 0; c < 3; ++c) *out++ = pixel[step == 1 ? 0 : c];
    }
  }
  return image;
}

py::array draw(const py::array& pixels, bool rgb, const BoundResult& result, const KeypointSet& keypoints, float min_score,
               bool draw_boxes) {
  const ImageView view = view_of(pixels, rgb);
  std::optional<Image> image;
  {
    const GilRelease release;
    image = three_channels(view);
    draw_poses(*image, result.result.poses, keypoints, {.min_score = min_score, .boxes = draw_boxes});
  }
  return array_of(std::move(*image));
}

/// A video that any thread may read from, one after the other.
class Video {
 public:
  template <class Source>  // a file or a camera's number
  Video(const Source& source, std::uint64_t max_pixels) : reader_(open_video(source, max_pixels)), info_(reader_->info()) {}

  /// The next frame as an array that owns its pixels, its position and its time.
  py::object read() {
    std::optional<Frame> frame;
    {
      const GilRelease release;
      const std::lock_guard lock(mutex_);
      if (!reader_) throw Error(ErrorCode::closed, "the video is closed: open it again");
      frame = reader_->read();
    }
    if (!frame) return py::none();
    const std::vector<py::ssize_t> shape{frame->image.height, frame->image.width, 3};
    auto* data = const_cast<std::uint8_t*>(frame->image.data);  // nobody else has this frame
    const std::size_t index = frame->index;
    const double time_s = frame->time_s;
    const py::capsule owner(new Frame(*std::move(frame)), [](void* pointer) { delete static_cast<Frame*>(pointer); });
    return py::make_tuple(py::array_t<std::uint8_t>(shape, data, owner), index, time_s);
  }

  void close() {
    const GilRelease release;
    const std::lock_guard lock(mutex_);
    reader_.reset();
  }

  std::size_t skipped() {
    const GilRelease release;
    const std::lock_guard lock(mutex_);
    if (reader_) skipped_ = reader_->skipped();
    return skipped_;
  }

  const VideoInfo& info() const { return info_; }

 private:
  std::mutex mutex_;
  std::optional<VideoReader> reader_;
  VideoInfo info_;
  std::size_t skipped_ = 0;
};

/// The next file of a listing: its path, whether it is a video, what is wrong.
py::object next_file(FolderListing& listing) {
  std::optional<ListedFile> file;
  {
    const GilRelease release;
    file = listing.next();
  }
  if (!file) return py::none();
  return py::make_tuple(file->path, file->kind == MediaKind::video, file->problem);
}

/// What a listing left out, by kind: extensions, and words.
py::dict left_out_of(const FolderListing& listing) {
  const LeftOut& left_out = listing.left_out();
  py::dict counts;
  for (const auto& [extension, count] : left_out.kinds) counts[py::str(extension)] = count;
  const auto add = [&](const char* name, std::size_t count) {
    if (count > 0) counts[name] = count;
  };
  add("hidden names", left_out.hidden);
  add("linked folders", left_out.linked_folders);
  add("results of posekit", left_out.results);
  add("pipes and devices", left_out.special);
  return counts;
}

}  // namespace
}  // namespace posekit_python

PYBIND11_MODULE(_io, module) {
  using namespace posekit_python;        // NOLINT(google-build-using-namespace): what is bound here
  py::module_::import("posekit._core");  // KeypointSet and ImageResult are registered there
  register_errors();
  module.def("read_image", &read_array, py::arg("path"), py::arg("max_pixels"));
  module.def("decode_image", &decode, py::arg("file"), py::arg("name"), py::arg("max_pixels"));
  module.def(
      "is_video_name", [](const std::filesystem::path& path) { return media_kind(path) == MediaKind::video; }, py::arg("path"));
  module.def("input_size", &input_size, py::arg("path"), py::arg("max_pixels"));
  module.def("write_image", &write_array, py::arg("path"), py::arg("image"), py::arg("rgb"), py::arg("sync"));
  module.def("draw_poses", &draw, py::arg("image"), py::arg("rgb"), py::arg("result"), py::arg("keypoint_set"), py::arg("min_score"),
             py::arg("draw_boxes"));
  py::class_<Video>(module, "Video")
      .def(py::init([](int camera, std::uint64_t max_pixels) {
             const GilRelease release;
             return std::make_unique<Video>(camera, max_pixels);
           }),
           py::arg("camera"), py::arg("max_pixels"))
      .def(py::init([](const std::filesystem::path& file, std::uint64_t max_pixels) {
             const GilRelease release;
             return std::make_unique<Video>(file, max_pixels);
           }),
           py::arg("file"), py::arg("max_pixels"))
      .def("read", &Video::read)
      .def("close", &Video::close)
      .def_property_readonly("size", [](const Video& video) { return std::pair(video.info().size.width, video.info().size.height); })
      .def_property_readonly("fps", [](const Video& video) { return video.info().fps; })
      .def_property_readonly("frames", [](const Video& video) { return video.info().frames; })
      .def_property_readonly("rotation", [](const Video& video) { return video.info().rotation; })
      .def_property_readonly("skipped", &Video::skipped);
  py::class_<FolderListing>(module, "FolderListing")
      .def(py::init([](const std::filesystem::path& folder, std::size_t index, std::size_t count) {
             return FolderListing(folder, {.shard = {.index = index, .count = count}, .output = {}});
           }),
           py::arg("folder"), py::arg("index"), py::arg("count"))
      .def("next", &next_file)
      .def("left_out", &left_out_of);
  module.def("silence_video_messages", &silence_video_messages);
}
