/// Keypoint sets.
#include "posekit/keypoints.h"

#include <iterator>

#include "arguments.h"
#include "guard.h"
#include "handles.h"

using namespace posekit_c;  // NOLINT(google-build-using-namespace): the functions below are its face

namespace {

const std::vector<std::string>& builtin_names() {
  static const std::vector<std::string> names = posekit::builtin_keypoint_sets();
  return names;
}

}  // namespace

posekit_keypoint_set* posekit_c::new_keypoint_set(posekit::KeypointSet set) {
  auto handle = std::make_unique<posekit_keypoint_set>();
  for (const auto& [a, b] : set.links) handle->links.push_back({a, b});
  handle->set = std::move(set);
  return handle.release();
}

posekit_status posekit_builtin_keypoint_set_count(size_t* count) {
  return guard([&] {
    clear(count);
    require(count, "count");
    *count = builtin_names().size();
  });
}

posekit_status posekit_builtin_keypoint_set_name(size_t index, const char** name) {
  return guard([&] {
    clear(name);
    require(name, "name");
    check_index(index, builtin_names().size(), "index");
    *name = builtin_names()[index].c_str();
  });
}

posekit_status posekit_keypoint_set_create_builtin(const char* name, posekit_keypoint_set** set) {
  return guard([&] {
    clear(set);
    require(set, "set");
    *set = new_keypoint_set(posekit::builtin_keypoint_set(&require(name, "name")));
  });
}

posekit_status posekit_keypoint_set_create_from_json(const char* json, posekit_keypoint_set** set) {
  return guard([&] {
    clear(set);
    require(set, "set");
    *set = new_keypoint_set(posekit::parse_keypoint_set(&require(json, "json")));
  });
}

posekit_status posekit_keypoint_set_create_subset(const posekit_keypoint_set* set, const size_t* indices, size_t count,
                                                  posekit_keypoint_set** subset) {
  return guard([&] {
    clear(subset);
    require(subset, "subset");
    *subset = new_keypoint_set(posekit::subset(require(set, "set").set, array(indices, count, "indices")));
  });
}

posekit_status posekit_keypoint_set_select(const posekit_keypoint_set* set, const char* const* names, size_t name_count, size_t* indices,
                                           size_t capacity, size_t* count) {
  return guard([&] {
    clear(count);
    require(count, "count");
    const auto selected = posekit::select_keypoints(require(set, "set").set, strings(names, name_count, "names"));
    copy_out<size_t>(selected, indices, capacity, "indices");
    *count = selected.size();
  });
}

posekit_status posekit_keypoint_set_name(const posekit_keypoint_set* set, const char** name) {
  return guard([&] {
    clear(name);
    require(name, "name");
    *name = require(set, "set").set.name.c_str();
  });
}

posekit_status posekit_keypoint_set_provenance(const posekit_keypoint_set* set, const char** provenance) {
  return guard([&] {
    clear(provenance);
    require(provenance, "provenance");
    *provenance = require(set, "set").set.provenance.c_str();
  });
}

posekit_status posekit_keypoint_set_size(const posekit_keypoint_set* set, size_t* size) {
  return guard([&] {
    clear(size);
    require(size, "size");
    *size = require(set, "set").set.size();
  });
}

posekit_status posekit_keypoint_set_keypoint_name(const posekit_keypoint_set* set, size_t index, const char** name) {
  return guard([&] {
    clear(name);
    require(name, "name");
    check_index(index, require(set, "set").set.size(), "index");
    *name = set->set.keypoints[index].name.c_str();
  });
}

posekit_status posekit_keypoint_set_keypoint_swap(const posekit_keypoint_set* set, size_t index, size_t* swap) {
  return guard([&] {
    clear(swap);
    require(swap, "swap");
    check_index(index, require(set, "set").set.size(), "index");
    *swap = set->set.keypoints[index].swap.value_or(POSEKIT_NO_INDEX);
  });
}

posekit_status posekit_keypoint_set_can_mirror(const posekit_keypoint_set* set, int32_t* can_mirror) {
  return guard([&] {
    clear(can_mirror);
    require(can_mirror, "can_mirror");
    *can_mirror = require(set, "set").set.can_mirror() ? 1 : 0;
  });
}

posekit_status posekit_keypoint_set_links(const posekit_keypoint_set* set, const posekit_link** links, size_t* count) {
  return guard([&] {
    clear_array(links, count);
    give_array(require(set, "set").links, links, "links", count, "count");
  });
}

posekit_status posekit_keypoint_set_sigmas(const posekit_keypoint_set* set, const double** sigmas, size_t* count) {
  return guard([&] {
    clear_array(sigmas, count);
    give_array(require(set, "set").set.sigmas, sigmas, "sigmas", count, "count");
  });
}

posekit_status posekit_keypoint_set_subset_count(const posekit_keypoint_set* set, size_t* count) {
  return guard([&] {
    clear(count);
    require(count, "count");
    *count = require(set, "set").set.subsets.size();
  });
}

posekit_status posekit_keypoint_set_subset_name(const posekit_keypoint_set* set, size_t index, const char** name) {
  return guard([&] {
    clear(name);
    require(name, "name");
    const auto& subsets = require(set, "set").set.subsets;
    check_index(index, subsets.size(), "index");
    *name = std::next(subsets.begin(), static_cast<std::ptrdiff_t>(index))->first.c_str();
  });
}

void posekit_keypoint_set_destroy(posekit_keypoint_set* set) { delete set; }
