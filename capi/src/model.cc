/// Models: presets, inspection, loading, what a loaded model is and what it takes of memory.
#include "posekit/model.h"

#include <cstddef>
#include <filesystem>

#include "arguments.h"
#include "guard.h"
#include "handles.h"
#include "posekit/model_report.h"

using namespace posekit_c;  // NOLINT(google-build-using-namespace): the functions below are its face

namespace {

const std::vector<std::string>& preset_names() {
  static const std::vector<std::string> names = posekit::model_presets();
  return names;
}

posekit_model* new_model(posekit::Model model) {
  std::string device = posekit::to_string(model.devices());
  return new posekit_model{std::move(model), std::move(device)};
}

posekit_model_info info_of(const posekit_model& model) {
  const posekit::ModelInfo& info = model.model.info();
  return {.struct_size = 0,
          .name = info.name.c_str(),
          .task = posekit::to_string(info.task()).data(),
          .codec = posekit::to_string(posekit::codec_of(info.output)).data(),
          .device = model.device.c_str(),
          .keypoint_count = info.task() == posekit::Task::pose ? info.pose().keypoints.size() : 0,
          .input_width = info.input.width,
          .input_height = info.input.height,
          .is_fused = model.model.is_fused() ? 1 : 0,
          .reserved = 0};
}

posekit_memory_report report_of(const posekit::MemoryReport& report) {
  return {.struct_size = 0,
          .weights = report.weights,
          .batch = report.batch,
          .person = report.person,
          .available = report.available.value_or(0),
          .largest_batch = report.largest_batch.value_or(0),
          .has_available = report.available ? 1 : 0,
          .reserved = 0};
}

}  // namespace

posekit_status posekit_model_preset_count(size_t* count) {
  return guard([&] {
    clear(count);
    require(count, "count");
    *count = preset_names().size();
  });
}

posekit_status posekit_model_preset_name(size_t index, const char** name) {
  return guard([&] {
    clear(name);
    require(name, "name");
    check_index(index, preset_names().size(), "index");
    *name = preset_names()[index].c_str();
  });
}

posekit_status posekit_inspect_model(const char* path, const posekit_model_options* options, char** json) {
  return guard([&] {
    clear(json);
    require(json, "json");
    *json = new_string(posekit::to_json(posekit::inspect_model(&require(path, "path"), model_options(options))));
  });
}

posekit_status posekit_model_load(const char* path, const posekit_model_options* options, posekit_model** model) {
  return guard([&] {
    clear(model);
    require(model, "model");
    *model = new_model(posekit::Model(std::filesystem::path(&require(path, "path")), model_options(options)));
  });
}

posekit_status posekit_model_load_from_memory(const void* data, size_t size, const posekit_model_options* options, posekit_model** model) {
  return guard([&] {
    clear(model);
    require(model, "model");
    *model = new_model(posekit::Model(array(static_cast<const std::byte*>(data), size, "data"), model_options(options)));
  });
}

posekit_status posekit_model_get_info(const posekit_model* model, posekit_model_info* info) {
  return guard([&] {
    constexpr std::size_t first_size = offsetof(posekit_model_info, reserved) + sizeof(info->reserved);
    require(model, "model");
    fill_struct(require(info, "info"), first_size, "posekit_model_info", [&] { return info_of(*model); });
  });
}

posekit_status posekit_model_metadata_json(const posekit_model* model, char** json) {
  return guard([&] {
    clear(json);
    require(json, "json");
    *json = new_string(posekit::to_json(require(model, "model").model.info()));
  });
}

posekit_status posekit_model_measure_memory(const posekit_model* model, posekit_memory_report* report) {
  return guard([&] {
    constexpr std::size_t first_size = offsetof(posekit_memory_report, reserved) + sizeof(report->reserved);
    const posekit::Model& measured = require(model, "model").model;
    fill_struct(require(report, "report"), first_size, "posekit_memory_report", [&] { return report_of(measured.measure_memory()); });
  });
}

void posekit_model_destroy(posekit_model* model) { delete model; }
