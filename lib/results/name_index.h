/// Which image a name means: the one whose path has the longest tail in common with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace posekit::inline v0 {

/// Names from a file, and the images that they mean. Takes time and memory in proportion to both, however many names are alike.
class NameIndex {
 public:
  /// @param file what messages call the file
  explicit NameIndex(std::string file) : file_(std::move(file)) {}

  /// Adds a path as some program wrote it.
  /// @return its position, and whether it is new: another spelling of the same path is not
  std::pair<std::size_t, bool> add(const std::string& name);
  /// Adds a number that names an image: 7 is as good a fit for 7.png as for 007.png.
  std::pair<std::size_t, bool> add(std::int64_t number);
  /// Adds an image that names may mean.
  void add_image(const std::filesystem::path& image);
  /// Finds out which name means which image, after all were added.
  /// @throws Error invalid_argument if a name fits two images alike, or an image two names
  void settle();

  /// The name that means an image that was added.
  [[nodiscard]] std::optional<std::size_t> find(const std::filesystem::path& image) const;

  [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }
  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  /// An image that was added, empty if there was none.
  [[nodiscard]] const std::string& first_image() const noexcept { return first_image_; }
  /// The name as it was added.
  [[nodiscard]] const std::string& text(std::size_t name) const { return names_[name].text; }
  /// Whether it means an image.
  [[nodiscard]] bool is_used(std::size_t name) const { return names_[name].image != none; }
  /// The path of the image that it means, and whether all of the name is in that path.
  [[nodiscard]] const std::string& image(std::size_t name) const { return images_[names_[name].image].written; }
  [[nodiscard]] bool fits_whole(std::size_t name) const { return names_[name].fits_whole; }

 private:
  using Position = std::uint32_t;
  static constexpr Position none = ~Position{0};

  struct Name {
    std::string text;
    std::string path;  ///< In normal form.
    Position image = none;
    bool fits_whole = false;
    bool is_number = false;  ///< And was not written as text as well.
  };
  struct Image {
    std::string path;     ///< In normal form.
    std::string written;  ///< As it is written.
    std::string twin;     ///< Another one with this normal form.
    Position name = none;
  };
  struct Round;
  struct Two;
  struct Meeting;
  struct Folders;
  class Meetings;

  void match(const Round& round, Folders& folders);
  /// @throws Error invalid_argument unless one name meets one image
  void check(const Two& names, const Two& images) const;

  std::string file_;
  std::vector<Name> names_;
  std::vector<Image> images_;
  std::string first_image_;
  std::unordered_map<std::string, Position> name_by_path_;
  std::unordered_map<std::string, Position> image_by_path_;
};

}  // namespace posekit::inline v0
