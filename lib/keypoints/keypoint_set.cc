/// Reads keypoint sets, finds the built-in ones, and takes subsets of them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/embedded_documents.h"
#include "base/strict_json.h"
#include "posekit/error.h"
#include "posekit/keypoints.h"

namespace posekit::inline v0 {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_keypoints = 4096;
constexpr std::size_t max_document_bytes = std::size_t{4} << 20;
constexpr std::string_view folder = "sets/";

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorCode::invalid_argument, "keypoint set: " + message); }

const Json& member(const Json& object, const std::string& key, const char* expected) {
  const auto found = object.find(key);
  if (found == object.end()) fail(fmt::format("\"{}\" is missing: add it ({})", key, expected));
  return *found;
}

std::string text_of(const Json& value, const std::string& key) {
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
    fail(fmt::format("\"{}\" is {}, a string that is not empty is expected", key, shown(value)));
  }
  return value.get<std::string>();
}

std::size_t index_of(const Json& value, const std::string& key, std::size_t count) {
  if (!value.is_number_integer() || value < 0 || value >= count) {
    fail(fmt::format("\"{}\" is {}, a keypoint index from 0 to {} is expected", key, shown(value), count - 1));
  }
  return value.get<std::size_t>();
}

const Json& array_of(const Json& value, const std::string& key) {
  if (!value.is_array()) fail(fmt::format("\"{}\" is {}, an array is expected", key, shown(value)));
  return value;
}

std::vector<KeypointInfo> read_keypoints(const Json& list) {
  if (list.empty() || list.size() > max_keypoints) {
    fail(fmt::format("\"keypoints\" has {} entries, 1 to {} are expected", list.size(), max_keypoints));
  }
  std::vector<KeypointInfo> result;
  std::unordered_set<std::string> names;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string key = fmt::format("keypoints[{}]", i);
    if (!list[i].is_object()) fail(fmt::format("\"{}\" is {}, an object is expected", key, shown(list[i])));
    KeypointInfo info{.name = text_of(member(list[i], "name", "a string"), key + ".name"), .swap = std::nullopt};
    if (!names.insert(info.name).second)
      fail(fmt::format("\"{}.name\" is \"{}\", which is also the name of another keypoint: unique names are expected", key, info.name));
    if (const auto id = list[i].find("id"); id != list[i].end() && *id != i) {
      fail(fmt::format("\"{}.id\" is {}, its position {} is expected", key, shown(*id), i));
    }
    if (const auto swap = list[i].find("swap"); swap != list[i].end() && !swap->is_null()) {
      info.swap = index_of(*swap, key + ".swap", list.size());
    }
    result.push_back(std::move(info));
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (result[i].swap && result[*result[i].swap].swap != i) {
      fail(fmt::format("\"keypoints[{}].swap\" is {}, whose partner is another keypoint: partners must name each other", i,
                       *result[i].swap));
    }
  }
  return result;
}

std::vector<std::size_t> read_subset(const Json& list, const std::string& key, std::size_t count) {
  std::vector<std::size_t> indices;
  std::vector<bool> taken(count, false);
  for (const Json& entry : array_of(list, key)) {
    const std::size_t index = index_of(entry, key, count);
    if (taken[index]) fail(fmt::format("\"{}\" names keypoint {} twice: name it once", key, index));
    taken[index] = true;
    indices.push_back(index);
  }
  if (indices.empty()) fail(fmt::format("\"{}\" is empty, at least one keypoint index is expected", key));
  return indices;
}

void read_links(const Json& list, KeypointSet& set) {
  for (const Json& link : array_of(list, "links")) {
    if (!link.is_array() || link.size() != 2)
      fail(fmt::format("\"links\" has the entry {}, a pair of keypoint indices is expected", shown(link)));
    set.links.emplace_back(index_of(link[0], "links", set.size()), index_of(link[1], "links", set.size()));
  }
}

void read_sigmas(const Json& list, KeypointSet& set) {
  if (array_of(list, "sigmas").size() != set.size()) {
    fail(fmt::format("\"sigmas\" has {} entries, one for each of {} keypoints is expected", list.size(), set.size()));
  }
  for (const Json& sigma : list) {
    if (!sigma.is_number() || !(sigma.get<double>() > 0))
      fail(fmt::format("\"sigmas\" has the entry {}, a number > 0 is expected", shown(sigma)));
    set.sigmas.push_back(sigma.get<double>());
  }
}

void read_subsets(const Json& object, KeypointSet& set) {
  if (!object.is_object()) fail(fmt::format("\"subsets\" is {}, an object of index lists is expected", shown(object)));
  for (const auto& [name, list] : object.items()) set.subsets.emplace(name, read_subset(list, "subsets." + name, set.size()));
}

/// Calls read(value) if the key is there and not null.
template <class Read>
void optional_member(const Json& object, const char* key, Read read) {
  if (const auto found = object.find(key); found != object.end() && !found->is_null()) read(*found);
}

std::unordered_map<std::string, KeypointSet> read_builtin_sets() {
  std::unordered_map<std::string, KeypointSet> sets;
  for (const EmbeddedDocument& document : embedded_documents()) {
    if (document.name.starts_with(folder)) sets.emplace(document.name.substr(folder.size()), parse_keypoint_set(document.json));
  }
  return sets;
}

std::vector<std::size_t> all_indices(const KeypointSet& set) {
  std::vector<std::size_t> indices(set.size());
  for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = i;
  return indices;
}

std::string subset_names(const KeypointSet& set) {
  std::vector<std::string_view> names{set.name};
  for (const auto& [name, indices] : set.subsets) {
    if (name != set.name) names.push_back(name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

/// The channels of a subset, of the set itself, or of one keypoint.
std::vector<std::size_t> indices_of(const KeypointSet& set, const std::string& name) {
  if (const auto found = set.subsets.find(name); found != set.subsets.end()) return found->second;
  if (name == set.name) return all_indices(set);
  const auto found = std::ranges::find(set.keypoints, name, &KeypointInfo::name);
  if (found == set.keypoints.end()) {
    throw Error(ErrorCode::not_found, fmt::format("\"{}\" is neither a subset nor a keypoint of \"{}\": use a subset ({}) or keypoints "
                                                  "(builtin_keypoint_set() and `posekit inspect` list them)",
                                                  name, set.name, subset_names(set)));
  }
  return {static_cast<std::size_t>(found - set.keypoints.begin())};
}

std::string subset_name(const KeypointSet& set, std::span<const std::size_t> indices) {
  if (std::ranges::equal(indices, all_indices(set))) return set.name;
  const std::vector<std::string> builtin = builtin_keypoint_sets();
  std::string result;
  for (const auto& [name, list] : set.subsets) {
    const bool fits = std::ranges::equal(list, indices);
    if (fits && (result.empty() || std::ranges::find(builtin, name) != builtin.end())) result = name;
  }
  return result.empty() ? fmt::format("{}[{}]", set.name, indices.size()) : result;
}

}  // namespace

bool KeypointSet::can_mirror() const noexcept {
  return std::ranges::all_of(keypoints, [](const KeypointInfo& keypoint) { return keypoint.swap.has_value(); });
}

KeypointSet parse_keypoint_set(std::string_view json) {
  const auto [document, problem] = parse_strict_json(json, max_document_bytes);
  if (!problem.empty()) fail("the document " + problem);
  if (!document.is_object()) fail(fmt::format("the document is {}, an object is expected", shown(document)));

  KeypointSet set;
  set.name = text_of(member(document, "name", "a string"), "name");
  set.keypoints = read_keypoints(array_of(member(document, "keypoints", "an array of {\"name\", \"swap\"}"), "keypoints"));
  optional_member(document, "count", [&](const Json& count) {
    if (count != set.size())
      fail(fmt::format("\"count\" is {}, the number of entries of \"keypoints\", {}, is expected", shown(count), set.size()));
  });
  optional_member(document, "provenance", [&](const Json& provenance) { set.provenance = text_of(provenance, "provenance"); });
  optional_member(document, "links", [&](const Json& links) { read_links(links, set); });
  optional_member(document, "sigmas", [&](const Json& sigmas) { read_sigmas(sigmas, set); });
  optional_member(document, "subsets", [&](const Json& subsets) { read_subsets(subsets, set); });
  return set;
}

std::vector<std::string> builtin_keypoint_sets() {
  std::vector<std::string> names;
  for (const EmbeddedDocument& document : embedded_documents()) {
    if (document.name.starts_with(folder)) names.emplace_back(document.name.substr(folder.size()));
  }
  return names;
}

const KeypointSet& builtin_keypoint_set(std::string_view name) {
  static const auto sets = read_builtin_sets();
  const auto found = sets.find(std::string(name));
  if (found == sets.end()) {
    throw Error(ErrorCode::not_found, fmt::format("there is no keypoint set \"{}\": use one of {}, or pass the set itself as an object",
                                                  name, fmt::join(builtin_keypoint_sets(), ", ")));
  }
  return found->second;
}

std::vector<std::size_t> select_keypoints(const KeypointSet& set, std::span<const std::string> selection) {
  if (selection.empty()) throw Error(ErrorCode::invalid_argument, "the keypoint selection is empty: name subsets or keypoints");
  std::vector<std::size_t> indices;
  std::vector<bool> taken(set.size(), false);
  std::unordered_set<std::string_view> named;
  for (const std::string& name : selection) {
    if (!named.insert(name).second) {
      throw Error(ErrorCode::invalid_argument, fmt::format("the keypoint selection names \"{}\" twice: name it once", name));
    }
    for (const std::size_t index : indices_of(set, name)) {
      if (!taken[index]) indices.push_back(index);
      taken[index] = true;
    }
  }
  return indices;
}

KeypointSet subset(const KeypointSet& set, std::span<const std::size_t> indices) {
  constexpr std::size_t absent = static_cast<std::size_t>(-1);
  std::vector<std::size_t> position(set.size(), absent);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] >= set.size()) {
      throw Error(ErrorCode::invalid_argument, fmt::format("keypoint index {} was given for \"{}\", 0 to {} is expected", indices[i],
                                                           set.name, static_cast<std::ptrdiff_t>(set.size()) - 1));
    }
    position[indices[i]] = i;
  }

  KeypointSet result;
  result.name = subset_name(set, indices);
  result.provenance = set.provenance;
  for (const std::size_t index : indices) {
    KeypointInfo info = set.keypoints[index];
    if (info.swap) info.swap = position[*info.swap] == absent ? std::nullopt : std::optional(position[*info.swap]);
    result.keypoints.push_back(std::move(info));
    if (!set.sigmas.empty()) result.sigmas.push_back(set.sigmas[index]);
  }
  for (const auto& [a, b] : set.links) {
    if (position[a] != absent && position[b] != absent) result.links.emplace_back(position[a], position[b]);
  }
  return result;
}

}  // namespace posekit::inline v0
