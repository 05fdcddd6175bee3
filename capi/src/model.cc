/// What a model is: presets, inspection, and the parts that estimators and detectors share.
#include "posekit/model.h"

#include "arguments.h"
#include "guard.h"
#include "handles.h"

using namespace posekit_c;  // NOLINT(google-build-using-namespace): the functions below are its face

namespace {

const std::vector<std::string>& preset_names() {
  static const std::vector<std::string> names = posekit::model_presets();
  return names;
}

}  // namespace

void posekit_c::fill_info(posekit_model_info* out, const posekit::ModelInfo& info, const std::string& device, std::size_t keypoint_count) {
  constexpr std::size_t first_size = offsetof(posekit_model_info, input_height) + sizeof(out->input_height);
  fill_struct(require(out, "info"), first_size, "posekit_model_info", [&] {
    return posekit_model_info{.struct_size = 0,
                              .name = info.name.c_str(),
                              .task = posekit::to_string(info.task).data(),
                              .codec = posekit::to_string(info.output.codec).data(),
                              .device = device.c_str(),
                              .keypoint_count = keypoint_count,
                              .input_width = info.input.width,
                              .input_height = info.input.height};
  });
}

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
