/// A folder of its own in which a test runs the program.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/paths.h"
#include "support/process.h"

namespace posekit_test {

/// The path of the program under test.
std::string program();

/// A keypoint set of two, as in metadata.
extern const std::string two_keypoints;

class Workplace {
 public:
  Workplace();

  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
  const std::filesystem::path& folder() const { return folder_.path(); }

  /// Runs any command here.
  ProcessResult command(const std::vector<std::string>& words, ProcessOptions options = {}) const;
  /// Runs the program here.
  ProcessResult run(std::vector<std::string> arguments, ProcessOptions options = {}) const;
  /// Makes a quick model with two keypoints, always at these places of the crop: `x` of its width and a half of it, half its height down.
  /// Its file is as long as that of any other `x` of as many digits. @return its name
  std::string model(const std::string& name, const std::string& x = "0.25", const std::string& keypoints = two_keypoints) const;
  /// `posekit estimate` with the quick model, which is made on the first call: model.pt, with the keypoints "head" and "tail".
  ProcessResult estimate(std::vector<std::string> arguments, ProcessOptions options = {}) const;

  /// Writes a small picture, folders included. @return its name
  std::string image(const std::string& name, int width = 64, int height = 48) const;
  std::string text(const std::string& name, const std::string& content) const;
  std::string read(const std::string& name) const;
  nlohmann::json json(const std::string& name) const { return nlohmann::json::parse(read(name)); }
  bool has(const std::string& name) const { return std::filesystem::exists(path(name)); }
  /// The files below a folder, sorted, with their ways down.
  std::vector<std::string> files(const std::string& folder) const;

 private:
  TemporaryDir folder_;
};

/// The lines of a text, each without its line break. A last line without one counts too.
std::vector<std::string> lines(const std::string& text);

/// Expects standard error to have a message of the program's about a thing, and that message to have the form of support/message_form.h.
void check_error(const std::string& err, const std::string& thing, const std::string& value = "");

/// The rows in a report's page.
nlohmann::json report_rows(const std::string& page);

}  // namespace posekit_test
