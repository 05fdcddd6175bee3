/// Where people come from that no detector looks for, and COCO's ids of the images.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "messages.h"
#include "options.h"
#include "posekit/boxes_file.h"

namespace cli {

class GivenBoxes {
 public:
  /// Reads the files that the options name. @param images gives all inputs, of other shards too @throws UsageError
  GivenBoxes(const EstimateOptions& options, const posekit::BoxesFile::Images& images);

  /// Whether no detector looks.
  bool any() const { return whole_image_ || from_file_; }
  /// Whether boxes are in a file.
  bool from_file() const { return from_file_; }
  /// None: the detector looks. @throws posekit::Error if the file contradicts the image
  std::optional<std::vector<posekit::Box>> of(const std::filesystem::path& image, posekit::Size size) const;
  /// COCO's id of an image, none if there is no file that has it.
  std::optional<std::int64_t> image_id(const std::filesystem::path& image) const;
  /// The annotations that have to give every image its id; empty: none.
  const std::string& annotations() const { return annotations_; }

  /// Counts an input that is worked on, if the file has no entry of it.
  void count(const Input& input);
  /// What of the file was not used, and which inputs it does not have.
  Remarks remarks() const;

 private:
  bool whole_image_;
  bool from_file_;
  bool subset_;
  std::string annotations_;
  std::string name_;
  std::optional<posekit::BoxesFile> file_;
  std::size_t without_entry_ = 0;
  std::string first_without_entry_;
};

}  // namespace cli
