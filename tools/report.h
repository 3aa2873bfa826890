// What commands say beside their results, on standard error.
#pragma once

#include <string_view>

#include "command.h"

namespace tidemark::tools {

// "tidemark: capture: <what>: <where>", and a hint below it. An interrupt is not worth a line.
// Returns the failure's exit code.
Exit report(std::string_view command, const Failure& failure);
void warn(std::string_view command, std::string_view text);
// One line of a summary, without the prefix.
void say(std::string_view text);

}  // namespace tidemark::tools
