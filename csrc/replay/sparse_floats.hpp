// Floats stored without their zeros: one bit per number, then the numbers that are not zero.
//
// Observations of dead, unseen or absent units and one-hot parts of a state are zeros; in recordings of 3m
// they are about half of all numbers. Zero means that all bits are zero (-0.0 is kept), so what comes back is
// the same bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fop {

inline std::size_t bitmap_bytes(std::size_t n) { return (n + 7) / 8; }

std::size_t count_nonzero(const float* numbers, std::size_t n);

// Writes bitmap_bytes(n) bytes and count_nonzero(numbers, n) values. One float behind the last value may be
// overwritten: let what comes next be written later.
void pack_floats(const float* numbers, std::size_t n, std::uint8_t* bitmap, float* values);

// The inverse. `count` is the number of values; unused bits of the last byte are zero.
void unpack_floats(const std::uint8_t* bitmap, const float* values, std::size_t count, float* numbers,
                   std::size_t n);

// The same in plain C++: what unpack_floats must agree with, and what it is where no AVX2 is found.
void unpack_floats_plain(const std::uint8_t* bitmap, const float* values, float* numbers, std::size_t n);

// One bit per byte that is not zero, and back to bytes 0 and 1.
void pack_bits(const std::uint8_t* bytes, std::size_t n, std::uint8_t* bits);
void unpack_bits(const std::uint8_t* bits, std::uint8_t* bytes, std::size_t n);

}  // namespace fop
