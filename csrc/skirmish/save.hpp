// The whole state of a battle as bytes, and back, bit for bit.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "skirmish/smac/battle.hpp"

namespace fop::skirmish {

std::vector<std::uint8_t> save(const Task& task, const Battle& battle);
// Throws std::invalid_argument if the bytes are damaged or of another engine version, map or build.
void load(const Task& task, Battle& battle, std::span<const std::uint8_t> bytes);

}  // namespace fop::skirmish
