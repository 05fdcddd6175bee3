/// Boxes of people from a file: a map of images, COCO annotations, or COCO detection results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "posekit/export.h"
#include "posekit/geometry.h"

namespace posekit::inline v0 {

/// Sets how a boxes file is read.
struct BoxesFileOptions {
  /// COCO annotations that the whole numbers of the boxes file are the image ids of.
  ///
  /// Their sizes and category names count as well. Empty: none.
  std::filesystem::path annotations;
  /// The category id of people. None: the category named person, and 1 where none has a name.
  std::optional<std::int64_t> category;
  /// Boxes must have a score above this. None: every box is taken. A box without a score has 1.
  std::optional<float> score_threshold;
  /// Whether boxes are scaled where the file states another size of the image, of the same shape.
  bool scale = false;
};

/// Holds the boxes of people that a file has, by image.
///
/// The file is JSON, or JSON lines, in UTF-8 or UTF-16: an object of images and their boxes
/// (`{"a.jpg": [[x1, y1, x2, y2, score]]}`), COCO annotations, or COCO detection results
/// (docs/models.md).
///
/// An entry belongs to the image whose path has the longest tail in common with the entry's name,
/// with `/` or `\` between folders and whatever Unicode form the name has. A name without its
/// extension will do, and a whole number is found in names that are this number with zeros in
/// front. If annotations are given, a number is an id of theirs. Entries of one folder mean images
/// of one folder.
///
/// It is immutable: any number of threads may use it.
class POSEKIT_API BoxesFile {
 public:
  /// Gives the next image, or none after the last.
  using Images = std::function<std::optional<std::filesystem::path>()>;

  /// Reads a file and finds out which image each of its entries belongs to.
  ///
  /// @param path the boxes file; empty: there is none, and the annotations' ids are all that is read
  /// @param images gives every image that boxes are asked for later; called on this thread
  /// @throws Error not_found, io if a file can't be read
  /// @throws Error invalid_argument if the file is in another form, if a name stands for two
  ///     images, if it is not clear which category is people, or if no entry belongs to an image
  BoxesFile(const std::filesystem::path& path, const Images& images, const BoxesFileOptions& options = {});
  /// Reads the text of such a file, otherwise as above.
  ///
  /// @param name what messages call the file
  BoxesFile(std::string_view text, const std::string& name, const Images& images, const BoxesFileOptions& options = {});

  /// Returns the boxes of an image, in the file's order; none if it has no entry.
  ///
  /// @param size of the upright image
  /// @throws Error invalid_argument if the size is not positive, if a file states another size of
  ///     the image, or if boxes are fractions of the image's sides or outside of it
  [[nodiscard]] std::vector<Box> boxes(const std::filesystem::path& image, Size size) const;
  /// Returns whether the file has an entry of an image.
  [[nodiscard]] bool has_entry(const std::filesystem::path& image) const;
  /// Returns COCO's id of an image, none if no annotations have it.
  [[nodiscard]] std::optional<std::int64_t> image_id(const std::filesystem::path& image) const;

  /// Returns whether the file lists its images, so that an image without an entry was forgotten.
  ///
  /// Detection results list boxes only: an image without an entry has no people.
  [[nodiscard]] bool lists_images() const noexcept;
  /// Returns the names of entries that belong to no image.
  [[nodiscard]] const std::vector<std::string>& unused_entries() const noexcept;
  /// Returns a line for each kind of boxes that were left out, and for names that fit in part only.
  [[nodiscard]] const std::vector<std::string>& notes() const noexcept;

 private:
  class Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace posekit::inline v0
