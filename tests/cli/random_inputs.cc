/// Random boxes files and folder trees: no crash, and nothing that is neither a result, nor an error, nor reported as left out.
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <random>
#include <regex>
#include <set>
#include <span>

#include "support/damaged.h"
#include "support/paths.h"
#include "workplace.h"

using nlohmann::json;
using posekit_test::Workplace;
using Names = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {

#ifdef POSEKIT_SOAK
constexpr unsigned rounds = 200;
#else
constexpr unsigned rounds = 8;
#endif

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int below(int count) { return std::uniform_int_distribution<int>(0, count - 1)(engine_); }
  bool once_in(int count) { return below(count) == 0; }

  /// A name in one of five scripts, different each time.
  std::string name() {
    static const std::array<Names, 5> scripts{{{"a", "Z", "photo ", "0", "(1)", "-"},
                                               {"\u00E9", "e\u0301", "\u00FC", "\u00C5", "\u00F8"},
                                               {"\u5199", "\u771F", "\u59FF", "\u304C", "\u304B\u3099"},
                                               {"\uAC00", "\u1112\u1175\u11C2", "\uD55C"},
                                               {"\u05E9", "\u0644", "\u0635", "\u0915\u093F", "\U0001F600"}}};
    const Names& script = scripts[static_cast<std::size_t>(below(5))];
    std::string name = std::to_string(++names_) + "_";
    for (int i = below(4); i >= 0; --i) name += script[static_cast<std::size_t>(below(static_cast<int>(script.size())))];
    return name;
  }

 private:
  std::mt19937 engine_;
  int names_ = 0;
};

/// How many things the line about what was left out counts.
int left_out(const std::string& err) {
  for (const std::string& line : posekit_test::lines(err)) {
    const std::string begin = "posekit: left out: ";
    if (!line.starts_with(begin)) continue;
    const std::string counts = line.substr(begin.size(), line.find(": ", begin.size()) - begin.size());
    static const std::regex number(R"((?:^|, )(\d+) )");
    int sum = 0;
    for (auto found = std::sregex_iterator(counts.begin(), counts.end(), number); found != std::sregex_iterator(); ++found)
      sum += std::stoi((*found)[1]);
    return sum;
  }
  return 0;
}

/// How many inputs failed, by the last lines.
int failed(const std::string& err) {
  static const std::regex line(R"(posekit: (\d+) of \d+ inputs failed)");
  std::smatch found;
  return std::regex_search(err, found, line) ? std::stoi(found[1]) : 0;
}

/// What a random tree holds.
struct Tree {
  int good = 0;
  int broken = 0;
  int left_out = 0;
};

void grow(const Workplace& here, const std::string& folder, Random& random, int depth, const std::string& photo, Tree& tree) {
  fs::create_directories(here.path(folder));
  for (int i = random.below(7); i >= 0; --i) {
    const std::string name = random.name();
    const std::string path = folder + "/" + name;
    switch (random.below(14)) {
      case 0:
      case 1:
      case 2:
      case 3:
        here.text(path + Names{".png", ".PNG", ".jpg", ".jfif", ".bmp"}[static_cast<std::size_t>(random.below(5))], photo);
        ++tree.good;
        break;
      case 4:
        here.text(path + ".jpg", photo.substr(0, photo.size() / 2));
        ++tree.broken;
        break;
      case 5:
        here.text(path + ".jpe", "");
        ++tree.broken;
        break;
      case 6:
        here.text(path + Names{".heic", ".TXT", "", ".json", ".ts"}[static_cast<std::size_t>(random.below(5))], "other");
        ++tree.left_out;
        break;
      case 7:
        here.text(folder + "/." + name + ".png", photo);
        ++tree.left_out;
        break;
      case 8:
        here.text(path + ".png.pose.jpg", photo);
        ++tree.left_out;
        break;
      case 9:
        here.text(folder + Names{"/@eaDir", "/.thumbnails", "/__MACOSX"}[static_cast<std::size_t>(random.below(3))] + "/" + name + "/t.jpg",
                  photo);
        break;  // counted below, once a folder
      case 10:
        fs::create_directory_symlink(Names{".", "..", here.path(folder).string()}[static_cast<std::size_t>(random.below(3))],
                                     here.path(path));
        ++tree.left_out;
        break;
      case 11:
        fs::create_symlink("nowhere.png", here.path(path + ".png"));
        ++tree.broken;
        break;
      case 12: {
        const std::string store = "store/" + name;
        here.text(store + "/linked.png", photo);
        fs::create_directory_symlink(here.path(store), here.path(path));
        ++tree.good;
        break;
      }
      default:
        if (depth > 0) grow(here, path, random, depth - 1, photo, tree);
    }
  }
  for (const char* name : {"@eaDir", ".thumbnails", "__MACOSX"}) tree.left_out += here.has(folder + "/" + name) ? 1 : 0;
}

json box(Random& random) {
  const int x = random.below(40);
  const int y = random.below(30);
  return {x, y, x + 5 + random.below(60), y + 5 + random.below(60)};
}

}  // namespace

TEST_CASE("The documentation says what exit code 0 means, which the tests below hold") {
  std::ifstream file(posekit_test::source_dir() / "docs/cli.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  CHECK(page.find("| 0 | every input was read whole, every box that belongs to an input was used, and what was left out has a line |") !=
        std::string::npos);
}

TEST_CASE("Whatever is in a folder becomes a result, an error, or is counted as left out") {
  const Workplace here;
  const std::string photo = here.read(here.image("photo.png", 24, 16));
  REQUIRE(here.estimate({"photo.png", "--whole-image", "-o", "warm"}).exit_code == 0);
  for (unsigned seed = 0; seed < rounds; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Tree tree;
    const std::string root = "tree" + std::to_string(seed);
    const std::string out = "out" + std::to_string(seed);
    grow(here, root, random, 3, photo, tree);
    CAPTURE(here.files(root));
    const auto result = here.estimate({root, "--whole-image", "-o", out, "--quiet"});
    CAPTURE(result.err);
    REQUIRE(result.signal == 0);
    if (tree.good + tree.broken == 0) {
      CHECK(result.exit_code == 2);
      continue;
    }
    CHECK(result.exit_code == (tree.broken > 0 ? 1 : 0));
    CHECK(here.files(out).size() == static_cast<std::size_t>(tree.good));
    CHECK(failed(result.err) == tree.broken);
    CHECK(left_out(result.err) == tree.left_out);
  }
}

TEST_CASE("Each box of a boxes file that belongs to an input is used, or the run fails") {
  const Workplace here;
  const std::string photo = here.read(here.image("photo.png", 64, 48));
  REQUIRE(here.estimate({"photo.png", "--whole-image", "-o", "warm"}).exit_code == 0);
  for (unsigned seed = 0; seed < rounds; ++seed) {
    CAPTURE(seed);
    Random random(seed + 1000);
    const std::string root = "in" + std::to_string(seed);
    const std::string out = "people" + std::to_string(seed);
    std::map<std::string, json> images;  // by the name in the folder
    for (int i = 0; i < 4; ++i) {
      const std::string name = (random.once_in(2) ? "sub/" : "") + random.name() + ".png";
      here.text(root + "/" + name, photo);
      images[name] = json::array();
      for (int k = random.below(4); k > 0; --k) images[name].push_back(box(random));
    }
    // The file says of them what it should, and now and then something else.
    const int mistake = random.below(10);
    std::string text;
    bool fails = false;
    bool refused = false;
    const int kind = random.below(3);
    json map = json::object();
    json coco{{"images", json::array()}, {"annotations", json::array()}, {"categories", {{{"id", 4}, {"name", "person"}}}}};
    json found = json::array();
    int id = 0;
    for (const auto& [name, boxes] : images) {
      const std::string written = Names{"", "./", "C:\\data\\", "/else/where/"}[static_cast<std::size_t>(random.below(4))] + name;
      map[written] = boxes;
      coco["images"].push_back({{"id", ++id}, {"file_name", written}, {"width", 64}, {"height", 48}});
      for (const json& b : boxes) {
        const json size{b[0], b[1], b[2].get<int>() - b[0].get<int>(), b[3].get<int>() - b[1].get<int>()};
        coco["annotations"].push_back({{"image_id", id}, {"category_id", 4}, {"bbox", size}});
        found.push_back({{"image_id", written}, {"category_id", 1}, {"bbox", size}, {"score", 1}});
      }
    }
    if (mistake == 0) {  // an entry of no input
      map["nobody.png"] = json::array();
      coco["images"].push_back({{"id", 99}, {"file_name", "nobody.png"}});
      found.push_back({{"image_id", "nobody.png"}, {"bbox", {1, 2, 3, 4}}});
      fails = true;
    } else if (mistake == 1) {  // a box that is none
      const std::string name = map.begin().key();
      map[name].push_back({5, 5, 1, 1});
      coco["annotations"].push_back({{"image_id", 1}, {"category_id", 4}, {"bbox", {5, 5, -4, -4}}});
      found.push_back({{"image_id", name}, {"bbox", {5, 5, -4, -4}}});
      fails = true;
    }
    text = kind == 0 ? map.dump() : kind == 1 ? coco.dump() : found.dump();
    if (mistake == 2) {
      text.resize(text.size() / 2);
      refused = true;
    } else if (kind == 2 && mistake == 3 && !found.empty()) {  // JSON lines
      text.clear();
      for (const json& entry : found) text += entry.dump() + "\n";
    } else if (mistake == 4) {
      text.insert(0, "\xEF\xBB\xBF");
    }
    here.text("boxes.json", text);
    const auto result = here.estimate({root, "--boxes", "boxes.json", "-o", out, "--quiet"});
    CAPTURE(kind, mistake, text, result.err);
    REQUIRE(result.signal == 0);
    if (refused) {
      CHECK(result.exit_code == 2);
      CHECK(here.files(out).empty());
      continue;
    }
    if (result.exit_code == 2) {  // no entry fits an input: the file had one that fits none
      CHECK(fails);
      continue;
    }
    CHECK(result.exit_code == (fails ? 1 : 0));
    for (const auto& [name, boxes] : images) {
      CAPTURE(name);
      json used = json::array();
      const json document = here.json(out + "/" + name + ".json");
      for (const json& person : document["instance_info"]) used.push_back(person["bbox"]);
      CHECK(used == boxes);
    }
  }
}

TEST_CASE("Damaged images of six formats become results or errors, and nothing else is printed") {
  const Workplace here;
  std::mt19937 random(7);
  const Names kinds{".jpg", ".png", ".webp", ".tif", ".bmp", ".jp2"};
  constexpr std::size_t count = std::size_t{25} * rounds;
  cv::Mat photo(48, 64, CV_8UC3);
  cv::randu(photo, 0, 256);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& kind = kinds[i % kinds.size()];
    REQUIRE(cv::imwrite(here.path("whole" + kind).string(), photo));
    const std::string whole = here.read("whole" + kind);
    const auto bytes = std::as_bytes(std::span(whole));
    const auto broken = posekit_test::damaged({bytes.begin(), bytes.end()}, random);
    here.text("in/" + std::to_string(i) + kind, {reinterpret_cast<const char*>(broken.data()), broken.size()});
  }
  const auto result = here.estimate({"in", "--whole-image", "-o", "out", "--quiet"});
  CAPTURE(result.err);
  REQUIRE(result.signal == 0);
  CHECK(result.exit_code == 1);
  CHECK(here.files("out").size() + static_cast<std::size_t>(failed(result.err)) == count);
  for (const std::string& line : posekit_test::lines(result.err)) CHECK(line.starts_with("posekit: "));
}
