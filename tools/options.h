// Options of commands: their values are parsed by this tool's own functions, so that every refusal
// reads alike, and their help is laid out in one way.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/result.h"

namespace tidemark::tools {

// Lays out the help of the tool and of the commands that are added to it afterwards.
void lay_out_help(CLI::App& tool);

// Adds the command `name`. `examples` ends its help, one a line.
CLI::App& add_command(CLI::App& tool, const std::string& name, const std::string& description,
                      const std::string& examples);

// Adds an option with one value. `parse` gives a Result of what `target` takes. `value` stands
// for the value in the help.
template <typename Target, typename Parse>
CLI::Option* add_value(CLI::App& command, const std::string& names, const std::string& value,
                       Target& target, Parse parse, const std::string& description) {
  const std::string name = names.substr(names.find(',') + 1);  // all of it without a comma
  const auto store = [&target, parse, name](const CLI::results_t& texts) {
    auto parsed = parse(std::string_view(texts.back()));
    if (!parsed) throw CLI::ValidationError(name, parsed.error().message);
    target = *std::move(parsed);
    return true;
  };
  return command.add_option(names, CLI::callback_t(store), description)->type_name(value);
}

// A value that is one of several words, each with its meaning.
template <typename Target>
CLI::Option* add_choice(CLI::App& command, const std::string& name, Target& target,
                        std::vector<std::pair<std::string, Target>> choices,
                        const std::string& description) {
  std::string words;
  for (const auto& [word, meaning] : choices) words += (words.empty() ? "" : "|") + word;
  const auto parse = [choices = std::move(choices),
                      words](std::string_view text) -> Result<Target> {
    for (const auto& [word, meaning] : choices) {
      if (word == text) return meaning;
    }
    return fail(ErrorCode::InvalidArgument, "\"" + std::string(text) + "\" is not one of " + words);
  };
  return add_value(command, name, words, target, parse, description);
}

// A text that is taken as it is. Not empty: an empty path or name is an unset shell variable.
CLI::Option* add_text(CLI::App& command, const std::string& names, const std::string& value,
                      std::string& target, const std::string& description);
// The log, which every command takes first.
CLI::Option* add_log(CLI::App& command, std::string& target, const std::string& description);

}  // namespace tidemark::tools
