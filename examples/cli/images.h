/// posekit estimate, images: reads them, runs them through the models side by side, and writes their results in order.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "posekit/error.h"
#include "run_context.h"

namespace cli {

class ImageRun {
 public:
  explicit ImageRun(const RunContext& run) : run_(run) {}

  /// Works on images until `next` gives none. @throws std::runtime_error (a model can't be loaded)
  void run(const std::function<std::optional<Input>()>& next);

 private:
  struct Work;

  std::optional<posekit::PipelineInput> read_next(const std::function<std::optional<Input>()>& next);
  std::optional<posekit::PipelineInput> read(const Input& input, std::size_t number, const EarlierResults::Replaced& replaced);
  void finish(const posekit::PipelineResult& done);
  void write(const Work& work, const posekit::ImageResult& result);
  void write_result(const Work& work, const std::string& text);
  void check_has_id(const Input& input) const;
  /// @param size the image's, if it is known
  void close_failed(std::size_t number, const Input& input, const posekit::Error& error, posekit::Size size = {});

  const RunContext& run_;
};

}  // namespace cli
