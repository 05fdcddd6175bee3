/// Where results go.
#include "outputs.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "options.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

fs::path identity(const fs::path& path) {
  std::error_code error;
  fs::path result = fs::weakly_canonical(path, error);
  return error ? fs::absolute(path).lexically_normal() : result;
}

}  // namespace

std::vector<Output> plan_outputs(const std::vector<Input>& inputs, const fs::path& folder, bool json, bool pictures) {
  std::set<fs::path> sources;
  for (const Input& input : inputs) sources.insert(identity(input.path));

  std::vector<Output> outputs;
  std::map<fs::path, fs::path> writers;
  for (const Input& input : inputs) {
    const fs::path base = folder / input.name;
    outputs.push_back(
        {json ? fs::path(base.string() + ".json") : fs::path(), pictures ? fs::path(base.string() + ".pose.jpg") : fs::path()});
    if (!input.problem.empty()) continue;
    for (const fs::path& file : {outputs.back().json, outputs.back().picture}) {
      if (file.empty()) continue;
      const fs::path written = identity(file);
      if (const auto [other, is_new] = writers.emplace(written, input.path); !is_new) {
        throw UsageError(fmt::format("\"{}\" and \"{}\" would both write \"{}\": give them in runs of their own, or as folders",
                                     other->second.string(), input.path.string(), file.string()));
      }
      if (sources.contains(written))
        throw UsageError(fmt::format("the result \"{}\" would replace an input: choose another folder with -o", file.string()));
    }
  }
  return outputs;
}

void check_not_read(const std::vector<Output>& outputs, const fs::path& coco, const std::vector<fs::path>& read) {
  std::set<fs::path> sources;
  for (const fs::path& path : read) sources.insert(identity(path));
  const auto check = [&](const fs::path& file) {
    if (!file.empty() && sources.contains(identity(file)))
      throw UsageError(fmt::format("the result \"{}\" would replace an input: choose another folder with -o", file.string()));
  };
  check(coco);
  for (const Output& output : outputs) {
    check(output.json);
    check(output.picture);
  }
}

bool is_done(const Output& output) {
  std::error_code ignored;
  if (output.json.empty() && output.picture.empty()) return false;
  return (output.json.empty() || fs::exists(output.json, ignored)) && (output.picture.empty() || fs::exists(output.picture, ignored));
}

}  // namespace cli
