/// SHA-256 against the examples of FIPS 180-4 (NIST).
#include "model/sha256.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "posekit/error.h"
#include "support/fails_with.h"
#include "support/paths.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string sum_of(const std::string& text, std::size_t piece) {
  Sha256 sum;
  for (std::size_t at = 0; at < text.size(); at += piece)
    sum.add(std::as_bytes(std::span(text).subspan(at, std::min(piece, text.size() - at))));
  return sum.finish();
}

}  // namespace

TEST_CASE("SHA-256 gives the sums of NIST's examples, in pieces of any size") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(1000000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  }));
  for (const std::size_t piece : {std::size_t{1}, std::size_t{55}, std::size_t{64}, std::size_t{1000}, std::size_t{1} << 21}) {
    CHECK(sum_of(text, piece) == expected);
  }
}

TEST_CASE("The processor's own instructions give what plain C++ gives") {
  std::mt19937 random(1);
  for (std::size_t blocks = 0; blocks < 40; ++blocks) {
    std::vector<std::byte> bytes(blocks * 64);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    Sha256State fast;
    for (std::uint32_t& word : fast) word = static_cast<std::uint32_t>(random());
    Sha256State plain = fast;
    sha256_add_blocks(fast, bytes);
    sha256_add_blocks_plain(plain, bytes);
    CHECK(fast == plain);
  }
}

TEST_CASE("check_sha256 accepts the right file and names both sums of a wrong one") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "file";
  std::ofstream(path) << "abc";
  CHECK_NOTHROW(check_sha256(path, "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"));
  CHECK_THROWS_WITH(check_sha256(path, std::string(64, '0')), ContainsSubstring("ba7816bf") && ContainsSubstring("0000"));
  posekit_test::fails_with([&] { check_sha256(path, std::string(64, '0')); }, path.string(), std::string(64, '0'));
  posekit_test::fails_with([&] { check_sha256(path, "12"); }, "sha256", "\"12\"");
  CHECK_THROWS_WITH(check_sha256(path, "12"), ContainsSubstring("64 hexadecimal digits"));
  CHECK_THROWS_WITH(check_sha256(path, std::string(64, 'g')), ContainsSubstring("64 hexadecimal digits"));
}
