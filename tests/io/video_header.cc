/// What containers tell of their length, from bytes that are written out here after the specifications.
#include "io/video_header.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <random>
#include <sstream>
#include <string>

using namespace posekit;
using namespace std::string_literals;

namespace {

std::optional<VideoHeader> header_of(const std::string& bytes) {
  std::istringstream stream(bytes);
  return read_video_header(stream, bytes.size());
}

std::string box(const std::string& type, const std::string& content) {
  const std::size_t size = content.size() + 8;
  return "\0\0"s + static_cast<char>(size >> 8) + static_cast<char>(size & 0xff) + type + content;
}

}  // namespace

TEST_CASE("MP4 is complete when its boxes are, and indexed with a moov box") {
  const std::string content(300, 'x');
  const std::string file = box("ftyp", "isom") + box("moov", content) + box("mdat", content);
  CHECK((header_of(file)->complete && header_of(file)->indexed));
  CHECK_FALSE(header_of(file.substr(0, file.size() - 1))->complete);
  CHECK(header_of(file.substr(0, file.size() - 1))->indexed);
  const std::string late = box("ftyp", "isom") + box("mdat", content);
  CHECK(header_of(late)->complete);
  CHECK_FALSE(header_of(late)->indexed);
}

TEST_CASE("MP4 boxes may have 64-bit sizes or reach to the end of the file") {
  const std::string start = box("ftyp", "isom") + box("moov", "x");
  const std::string large = "\0\0\0\1mdat\0\0\0\0\0\0\0\x14"s + "four";
  CHECK(header_of(start + large)->complete);
  CHECK_FALSE(header_of(start + large.substr(0, 19))->complete);
  CHECK(header_of(start + "\0\0\0\0mdat"s + "all the rest")->complete);
  CHECK_FALSE(header_of(start + "\0\0\0\1mdat\xff\xff\xff\xff\xff\xff\xff\xff"s)->complete);
}

TEST_CASE("AVI is complete when each of its RIFF chunks is, or has size zero") {
  const std::string first = "RIFF\x10\0\0\0AVI LIST........"s;
  const std::string second = "RIFF\x08\0\0\0AVIX...."s;
  CHECK(header_of(first)->complete);
  CHECK(header_of(first + second)->complete);
  CHECK_FALSE(header_of(first.substr(0, 20))->complete);
  CHECK_FALSE(header_of(first + second.substr(0, 14))->complete);
  CHECK(header_of("RIFF\0\0\0\0AVI LIST"s)->complete);
  CHECK_FALSE(header_of("RIFF\x10\0\0\0WAVEfmt ........"s));
}

TEST_CASE("Matroska is complete when its segment is, or has an unknown size") {
  const std::string head =
      "\x1A\x45\xDF\xA3\x84"
      "abcd"s;
  CHECK(header_of(head + "\x18\x53\x80\x67\x40\x05"
                         "12345"s)
            ->complete);
  CHECK_FALSE(header_of(head + "\x18\x53\x80\x67\x40\x05"
                               "1234"s)
                  ->complete);
  CHECK(header_of(head + "\x18\x53\x80\x67\xFF"
                         "1234"s)
            ->complete);
  CHECK(header_of(head + "\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
                         "1234"s)
            ->complete);
}

TEST_CASE("Text, images and empty files are not videos") {
  CHECK_FALSE(header_of(""));
  CHECK_FALSE(header_of("#EXTM3U\nhttp://example.com/a.ts\n"));
  CHECK_FALSE(header_of("ffconcat version 1.0\nfile /etc/hostname\n"));
  CHECK_FALSE(header_of("\x89PNG\r\n\x1a\n and so on"));
  CHECK_FALSE(header_of("\xff\xd8\xff\xe0 and so on"));
}

TEST_CASE("Random bytes are read without harm") {
  std::mt19937 random(7);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = round % 3 == 0 ? "\0\0\0\x10moov"s : round % 3 == 1 ? "RIFF\x10\0\0\0AVI "s : "\x1A\x45\xDF\xA3"s;
    const auto count = std::uniform_int_distribution(0, 80)(random);
    for (int i = 0; i < count; ++i) bytes += static_cast<char>(random());
    CHECK(header_of(bytes));
  }
}

TEST_CASE("The rotation is that of the first video track") {
  const auto track = [](const std::string& handler, const std::string& matrix) {
    const std::string header = std::string(40, '\0') + matrix + std::string(16, '\0');
    return box("trak", box("tkhd", header) + box("mdia", box("mdhd", "x") + box("hdlr", std::string(8, '\0') + handler)));
  };
  const std::string one = "\0\1\0\0"s;
  const std::string minus = "\xff\xff\0\0"s;
  const std::string zero(4, '\0');
  const std::string clockwise = zero + one + zero + minus + zero;
  const std::string half = minus + zero + zero + zero + minus;
  const std::string mirrored = minus + zero + zero + zero + one;
  const auto rotation = [](const std::string& tracks) { return header_of(box("ftyp", "isom") + box("moov", tracks))->rotation; };
  CHECK(rotation(track("vide", clockwise)) == 90);
  CHECK(rotation(track("soun", half) + track("vide", clockwise) + track("vide", half)) == 90);
  CHECK(rotation(track("vide", half)) == 180);
  CHECK(rotation(track("vide", zero + minus + zero + one + zero)) == 270);
  CHECK(rotation(track("vide", mirrored)) == 0);
  CHECK(rotation(track("soun", half)) == 0);
}
