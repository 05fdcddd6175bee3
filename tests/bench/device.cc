/// Measures posekit on a device, one part a run; a line of JSON for each figure. scripts/gpu_first_run.sh runs all parts.
///
///     posekit_device_bench PART [MODEL…] [--device cuda] [--precision bf16,…] [--batches 1,8,32] [--callers 1,2,4] [--detector MODEL]
///                          [--photos FILE,…] [--rounds 5] [--seconds 1]
///
/// Runs on the CPU too, where it shows that it runs. Nothing is timed on zeros or on one buffer that stays in a cache.
#include <algorithm>
#include <cstdio>
#include <map>

#include "device_bench.h"
#include "posekit/error.h"

namespace {

using posekit_bench::Options;

const std::map<std::string, void (*)(const Options&)> parts{
    {"machine", posekit_bench::show_machine},          // versions, speed of copies, cost of a launch
    {"first", posekit_bench::measure_first_runs},      // each of the first forwards, and those of a fresh thread
    {"forward", posekit_bench::measure_forward},       // precisions, layouts, a CUDA graph
    {"stages", posekit_bench::measure_stages},         // each stage of a batch alone
    {"ratio", posekit_bench::measure_ratio},           // whole calls beside bare forwards, alternating
    {"callers", posekit_bench::measure_callers},       // several callers of one model
    {"images", posekit_bench::measure_images},         // images on the device beside images on the host
    {"stream", posekit_bench::measure_stream},         // a detector beside a pose model
    {"precision", posekit_bench::compare_precisions},  // how far keypoints lie from the CPU's
    {"soak", posekit_bench::soak},                     // memory, threads and rate over time
};

template <class Item, class Read>
std::vector<Item> list_of(const std::string& text, const Read& read) {
  std::vector<Item> items;
  std::istringstream stream(text);
  for (std::string item; std::getline(stream, item, ',');) items.push_back(read(item));
  return items;
}

Options parse(int argc, char** argv) {
  const auto number = [](const std::string& text) { return static_cast<std::size_t>(std::stoul(text)); };
  const auto text = [](const std::string& item) { return item; };
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (!word.starts_with("--")) {
      if (options.part.empty())
        options.part = word;
      else
        options.models.push_back(word);
      continue;
    }
    if (++i >= argc) throw posekit::Error(posekit::ErrorCode::invalid_argument, word + " wants a value");
    const std::string value = argv[i];
    if (word == "--device")
      options.device = value;
    else if (word == "--precision")
      options.precisions = list_of<std::string>(value, text);
    else if (word == "--batches")
      options.batches = list_of<std::size_t>(value, number);
    else if (word == "--callers")
      options.callers = list_of<std::size_t>(value, number);
    else if (word == "--photos")
      options.photos = list_of<std::string>(value, text);
    else if (word == "--detector")
      options.detector = value;
    else if (word == "--rounds")
      options.rounds = std::stoi(value);
    else if (word == "--seconds")
      options.seconds = std::stod(value);
    else
      throw posekit::Error(posekit::ErrorCode::invalid_argument, "there is no option " + word);
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parse(argc, argv);
    const auto part = parts.find(options.part);
    if (part == parts.end()) {
      std::string names;
      for (const auto& [name, run] : parts) names += " " + name;
      throw posekit::Error(posekit::ErrorCode::invalid_argument, "there is no part \"" + options.part + "\", the parts are:" + names);
    }
    part->second(options);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "posekit_device_bench: %s\n", error.what());
    return 1;
  }
}
