/// Text of files that people made on other systems: normal form (Unicode Standard Annex 15), UTF-16.
#include "results/unicode.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "results/unicode_tables.h"

namespace posekit::inline v0 {
namespace {

constexpr char32_t replacement = 0xFFFD;
constexpr char32_t first_raw_byte = 0x110000;  // behind all characters: a byte that is no UTF-8

// The arithmetic of Hangul syllables: Unicode Standard, section 3.12.
constexpr char32_t first_syllable = 0xAC00;
constexpr char32_t first_lead = 0x1100;
constexpr char32_t first_vowel = 0x1161;
constexpr char32_t before_trail = 0x11A7;
constexpr char32_t vowels = 21;
constexpr char32_t trails = 28;
constexpr char32_t syllables = 19 * vowels * trails;

/// The character that begins a text, and its length in bytes. @return none if the bytes are no UTF-8
std::optional<std::pair<char32_t, std::size_t>> first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return std::pair{char32_t{byte(0)}, std::size_t{1}};
  const std::size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < length) return std::nullopt;
  char32_t code = byte(0) & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return std::nullopt;
    code = code << 6 | (byte(i) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  if (code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return std::nullopt;
  return std::pair{code, length};
}

void append(char32_t code, std::string& text) {
  const auto tail = [&](unsigned shift) { text += static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  if (code >= first_raw_byte) {
    text += static_cast<char>(code - first_raw_byte);
  } else if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

void decompose(char32_t code, std::u32string& out) {
  if (code >= first_syllable && code < first_syllable + syllables) {
    const char32_t index = code - first_syllable;
    out.push_back(first_lead + index / (vowels * trails));
    out.push_back(first_vowel + index / trails % vowels);
    if (index % trails != 0) out.push_back(before_trail + index % trails);
    return;
  }
  const auto table = decompositions();
  const auto found = std::ranges::lower_bound(table, code, {}, &Decomposition::code);
  if (found == table.end() || found->code != code) {
    out += code;
    return;
  }
  decompose(found->first, out);
  if (found->second != 0) decompose(found->second, out);
}

int combining_class(char32_t code) {
  const auto table = combining_classes();
  const auto found = std::ranges::lower_bound(table, code, {}, &CombiningClass::last);
  return found != table.end() && found->first <= code ? found->value : 0;
}

/// Marks behind a character are sorted by their class.
void sort_marks(std::u32string& text) {
  for (auto begin = text.begin(); begin != text.end();) {
    if (combining_class(*begin) == 0) {
      ++begin;
      continue;
    }
    const auto end = std::find_if(begin, text.end(), [](char32_t code) { return combining_class(code) == 0; });
    std::stable_sort(begin, end, [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); });
    begin = end;
  }
}

std::string utf8_of_utf16(std::string_view bytes, bool big_endian) {
  const auto unit = [&](std::size_t at) {
    const auto first = static_cast<unsigned char>(bytes[at]);
    const auto second = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<char32_t>(big_endian ? first << 8 | second : second << 8 | first);
  };
  const auto in = [](char32_t code, char32_t first, char32_t last) { return code >= first && code <= last; };
  std::string text;
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
    char32_t code = unit(at);
    if (in(code, 0xD800, 0xDBFF) && at + 3 < bytes.size() && in(unit(at + 2), 0xDC00, 0xDFFF)) {
      code = 0x10000 + ((code - 0xD800) << 10) + (unit(at + 2) - 0xDC00);
      at += 2;
    }
    append(in(code, 0xD800, 0xDFFF) ? replacement : code, text);
  }
  if (bytes.size() % 2 != 0) append(replacement, text);
  return text;
}

}  // namespace

std::string canonical_form(std::string_view utf8) {
  if (std::ranges::all_of(utf8, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) return std::string(utf8);
  std::u32string text;
  while (!utf8.empty()) {
    if (const auto character = first_character(utf8)) {
      decompose(character->first, text);
      utf8.remove_prefix(character->second);
    } else {
      text.push_back(first_raw_byte + static_cast<unsigned char>(utf8.front()));
      utf8.remove_prefix(1);
    }
  }
  sort_marks(text);
  std::string result;
  for (const char32_t code : text) append(code, result);
  return result;
}

std::string to_utf8(std::string text) {
  const std::string_view bytes = text;
  if (bytes.starts_with("\xEF\xBB\xBF")) return text.substr(3);
  if (bytes.starts_with("\xFF\xFE")) return utf8_of_utf16(bytes.substr(2), false);
  if (bytes.starts_with("\xFE\xFF")) return utf8_of_utf16(bytes.substr(2), true);
  if (bytes.size() >= 2 && bytes[0] != 0 && bytes[1] == 0) return utf8_of_utf16(bytes, false);
  if (bytes.size() >= 2 && bytes[0] == 0 && bytes[1] != 0) return utf8_of_utf16(bytes, true);
  return text;
}

}  // namespace posekit::inline v0
