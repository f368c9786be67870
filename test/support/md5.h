#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string>

namespace lintorch::test {

/// MD5 in hexadecimal (RFC 1321): other tools publish it of the names and shapes in Wan's files.
inline std::string md5(std::string message) {
  constexpr std::array<int, 16> kShifts = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};
  const uint64_t bits = 8 * message.size();
  message += '\x80';
  while (message.size() % 64 != 56) message += '\0';
  for (int i = 0; i < 8; ++i) message += static_cast<char>(bits >> (8 * i));
  std::array<uint32_t, 4> state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  for (size_t block = 0; block < message.size(); block += 64) {
    std::array<uint32_t, 16> words{};
    for (size_t i = 0; i < 64; ++i)
      words[i / 4] |= static_cast<uint32_t>(static_cast<uint8_t>(message[block + i])) << (8 * (i % 4));
    auto [a, b, c, d] = state;
    for (uint32_t i = 0; i < 64; ++i) {
      const uint32_t round = i / 16;
      const uint32_t f = round == 0   ? (b & c) | (~b & d)
                         : round == 1 ? (d & b) | (~d & c)
                         : round == 2 ? b ^ c ^ d
                                      : c ^ (b | ~d);
      const uint32_t word = words[round == 0   ? i
                                  : round == 1 ? (5 * i + 1) % 16
                                  : round == 2 ? (3 * i + 5) % 16
                                               : (7 * i) % 16];
      const auto constant = static_cast<uint32_t>(std::abs(std::sin(static_cast<double>(i + 1))) * 4294967296.0);
      const uint32_t sum = a + f + constant + word;
      const int shift = kShifts[4 * round + i % 4];
      a = d, d = c, c = b;
      b += sum << shift | sum >> (32 - shift);
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  }
  std::string hex;
  for (const uint32_t word : state)
    for (int i = 0; i < 8; ++i) hex += "0123456789abcdef"[word >> (8 * (i / 2) + (i % 2 ? 0 : 4)) & 15];
  return hex;
}

}  // namespace lintorch::test
