/// Text of other systems: canonical form by examples of Unicode Standard Annex 15, UTF-16 and byte order marks.
#include "results/unicode.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "results/unicode_tables.h"

using namespace posekit;

TEST_CASE("Spellings that are canonically the same have one canonical form") {
  CHECK(canonical_form("plain name.jpg") == "plain name.jpg");
  CHECK(canonical_form("caf\u00E9.jpg") == "cafe\u0301.jpg");
  CHECK(canonical_form("cafe\u0301.jpg") == "cafe\u0301.jpg");
  CHECK(canonical_form("\u212B") == canonical_form("\u00C5"));  // angstrom sign: two steps to A and a ring
  CHECK(canonical_form("\uAC00\uAC01\uD7A3") == "\u1100\u1161\u1100\u1161\u11A8\u1112\u1175\u11C2");  // Hangul is computed
  CHECK(canonical_form("\u1E0A\u0323") == "D\u0323\u0307");  // annex 15, figure 4: marks are sorted
  CHECK(canonical_form("\u0344") == "\u0308\u0301");
  CHECK(canonical_form("\U0001D15E") == "\U0001D157\U0001D165");
  CHECK(canonical_form("\u304C") == "\u304B\u3099");
}

TEST_CASE("What differs stays different, and bytes that are no UTF-8 stay") {
  CHECK(canonical_form("\uFB01") != canonical_form("fi"));  // a ligature is the same by compatibility only
  CHECK(canonical_form("e\u0301") != canonical_form("e"));
  for (const std::string bytes : {"\xFF", "a\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE9.jpg", "\xC3(\xA9"}) {
    CHECK(canonical_form(bytes) == bytes);
  }
}

TEST_CASE("The tables are sorted, as they are searched") {
  char32_t last = 0;
  for (const Decomposition& step : decompositions()) {
    CHECK(step.code > last);
    last = step.code;
  }
  last = 0;
  for (const CombiningClass& range : combining_classes()) {
    CHECK(range.first > last);
    CHECK(range.last >= range.first);
    last = range.last;
  }
}

TEST_CASE("UTF-16 of both byte orders, with a mark and without, and UTF-8 with a mark become UTF-8") {
  using namespace std::string_literals;
  CHECK(to_utf8("{}") == "{}");
  CHECK(to_utf8("\xEF\xBB\xBF{}") == "{}");
  CHECK(to_utf8("\xFF\xFE{\0\xE9\0"s) == "{\u00E9");
  CHECK(to_utf8("\xFE\xFF\0{\0\xE9"s) == "{\u00E9");
  CHECK(to_utf8("{\0}\0"s) == "{}");
  CHECK(to_utf8("\0{\0}"s) == "{}");
  CHECK(to_utf8("\xFF\xFE\x3D\xD8\x00\xDE"s) == "\U0001F600");
  CHECK(to_utf8("\xFF\xFE\x3D\xD8"s) == "\uFFFD");
  CHECK(to_utf8("\xFF\xFE{"s) == "\uFFFD");
  CHECK(to_utf8("") == "");
}
