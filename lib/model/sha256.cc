/// SHA-256 of a file (FIPS 180-4).
#include "model/sha256.h"

#include <fmt/format.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/bytes.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

constexpr std::size_t block_bytes = 64;
constexpr std::size_t read_bytes = std::size_t{1} << 20;

/// First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
constexpr std::array<std::uint32_t, 64> round_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

void add_block(Sha256State& state, const std::byte* block) noexcept {
  std::array<std::uint32_t, 64> w;
  for (std::size_t i = 0; i < 16; ++i) w[i] = static_cast<std::uint32_t>(big_endian(std::span(block + 4 * i, 4)));
  for (std::size_t i = 16; i < 64; ++i) {
    const std::uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
    const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + round_constants[i] + w[i];
    const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const Sha256State sums{a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < sums.size(); ++i) state[i] += sums[i];
}

#if defined(__x86_64__)
bool has_sha_instructions() noexcept {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  constexpr unsigned sha = 1U << 29;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & sha) != 0 && __builtin_cpu_supports("sse4.1") != 0;
}

/// Intel's SHA extensions: two registers hold the state as (a, b, e, f) and (c, d, g, h); an instruction does two rounds.
[[gnu::target("sha,sse4.1,ssse3")]] void add_blocks_with_instructions(Sha256State& state, std::span<const std::byte> blocks) noexcept {
  const auto* constants = reinterpret_cast<const __m128i*>(round_constants.data());
  auto* words = reinterpret_cast<__m128i*>(state.data());
  const __m128i byte_order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xb1);
  const __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1b);
  __m128i abef = _mm_alignr_epi8(badc, hgfe, 8);
  __m128i cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
  for (; !blocks.empty(); blocks = blocks.subspan(block_bytes)) {
    const __m128i abef_before = abef;
    const __m128i cdgh_before = cdgh;
    const auto* block = reinterpret_cast<const __m128i*>(blocks.data());
    __m128i w[4];  // the last 16 words of the message schedule, four in each
    for (std::size_t i = 0; i < 16; ++i) {
      __m128i& next = w[i % 4];
      if (i < 4) {
        next = _mm_shuffle_epi8(_mm_loadu_si128(block + i), byte_order);
      } else {
        const __m128i& last = w[(i + 3) % 4];
        const __m128i seven_before = _mm_alignr_epi8(last, w[(i + 2) % 4], 4);
        next = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(next, w[(i + 1) % 4]), seven_before), last);
      }
      const __m128i sums = _mm_add_epi32(next, _mm_loadu_si128(constants + i));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sums);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sums, 0x0e));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
}
#endif

}  // namespace

void sha256_add_blocks_plain(Sha256State& state, std::span<const std::byte> blocks) noexcept {
  for (; !blocks.empty(); blocks = blocks.subspan(block_bytes)) add_block(state, blocks.data());
}

void sha256_add_blocks(Sha256State& state, std::span<const std::byte> blocks) noexcept {
#if defined(__x86_64__)
  static const bool has_instructions = has_sha_instructions();
  if (has_instructions) return add_blocks_with_instructions(state, blocks);
#endif
  sha256_add_blocks_plain(state, blocks);
}

void Sha256::add(std::span<const std::byte> bytes) noexcept {
  total_bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (pending_size_ == 0 && bytes.size() >= block_bytes) {
      const std::size_t whole = bytes.size() / block_bytes * block_bytes;
      sha256_add_blocks(state_, bytes.first(whole));
      bytes = bytes.subspan(whole);
      continue;
    }
    const std::size_t taken = std::min(bytes.size(), block_bytes - pending_size_);
    std::memcpy(pending_.data() + pending_size_, bytes.data(), taken);
    pending_size_ += taken;
    bytes = bytes.subspan(taken);
    if (pending_size_ == block_bytes) {
      sha256_add_blocks(state_, pending_);
      pending_size_ = 0;
    }
  }
}

std::string Sha256::finish() {
  const std::uint64_t bits = total_bytes_ * 8;
  constexpr std::array<std::byte, block_bytes> padding{std::byte{0x80}};
  add(std::span(padding).first(1 + (119 - pending_size_) % block_bytes));
  std::array<std::byte, 8> length;
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<std::byte>(bits >> (56 - 8 * i));
  add(length);
  std::string text;
  for (const std::uint32_t word : state_) text += fmt::format("{:08x}", word);
  return text;
}

std::string sha256_of(const ModelSource& model) {
  Sha256 sum;
  if (model.in_memory()) {
    sum.add(model.bytes());
    return sum.finish();
  }
  std::ifstream file(model.path(), std::ios::binary);
  std::vector<char> buffer(read_bytes);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    sum.add(std::as_bytes(std::span(buffer).first(static_cast<std::size_t>(file.gcount()))));
  }
  if (!file.eof())
    throw Error(ErrorCode::io,
                fmt::format("{} can't be read ({}): check the path and its permissions", model.text(), std::strerror(errno)));
  return sum.finish();
}

void check_sha256(const ModelSource& model, const std::string& expected) {
  std::string wanted = expected;
  std::ranges::transform(wanted, wanted.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (wanted.size() != 64 || !std::ranges::all_of(wanted, [](unsigned char c) { return std::isxdigit(c) != 0; })) {
    throw Error(ErrorCode::invalid_argument, fmt::format("sha256 \"{}\" was given, 64 hexadecimal digits are expected", expected));
  }
  const std::string found = sha256_of(model);
  if (found != wanted) {
    throw Error(ErrorCode::invalid_model,
                fmt::format("{} has sha256 {}, {} is expected: fetch the file again or correct the checksum", model.text(), found, wanted));
  }
}

}  // namespace posekit::inline v0
