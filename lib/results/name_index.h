/// Which image a name means: the one whose path has the longest tail in common with it.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace posekit::inline v0 {

/// Names from a file, and the images that they mean.
class NameIndex {
 public:
  /// @param file what messages call the file
  explicit NameIndex(std::string file) : file_(std::move(file)) {}

  /// Adds a path as some program wrote it, or digits that number an image.
  /// @return its position, and whether it is new: another spelling of the same path is not
  std::pair<std::size_t, bool> add(const std::string& name);
  /// Adds an image that names may mean.
  void add_image(const std::filesystem::path& image);
  /// Ends adding. @throws Error invalid_argument if a name means two images, or an image has two names
  void settle();

  /// The name that means an image, after `settle`. @throws Error invalid_argument as `settle` does, where that could not see it
  [[nodiscard]] std::optional<std::size_t> find(const std::filesystem::path& image) const;

  [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }
  /// An image that was added, empty if there was none.
  [[nodiscard]] const std::string& first_image() const noexcept { return first_image_; }
  /// The name as it was added.
  [[nodiscard]] const std::string& text(std::size_t name) const { return names_[name].text; }
  /// Whether it means an image.
  [[nodiscard]] bool is_used(std::size_t name) const { return names_[name].used; }
  /// The image that it means, and whether all of the name is in that image's path.
  [[nodiscard]] const std::string& image(std::size_t name) const { return names_[name].image; }
  [[nodiscard]] bool fits_whole(std::size_t name) const { return names_[name].fit.parts == names_[name].parts; }

 private:
  /// How much of a name and of an image's path is the same. The greater fits better.
  struct Fit {
    enum Kind : std::uint8_t { none, number, stem, file_name };
    Kind kind = none;       ///< What the last parts have in common.
    std::size_t parts = 0;  ///< Of the common tail.
    friend auto operator<=>(const Fit&, const Fit&) = default;
  };
  struct Name {
    std::string text;
    std::string path;  ///< In normal form.
    std::size_t parts = 0;
    Fit fit;            ///< Of the image that fits best.
    std::string image;  ///< That image, in normal form.
    std::string rival;  ///< Another image that fits as well.
    bool used = false;
  };
  struct Parts;

  void visit(const Parts& image, const std::function<void(std::size_t name, const Fit& fit)>& visit) const;
  std::optional<std::size_t> find(const Parts& image) const;

  std::string file_;
  std::vector<Name> names_;
  std::string first_image_;
  std::unordered_map<std::string, std::size_t> by_path_;
  std::unordered_multimap<std::string, std::size_t> by_last_part_;
  std::unordered_multimap<std::int64_t, std::size_t> by_number_;
};

}  // namespace posekit::inline v0
