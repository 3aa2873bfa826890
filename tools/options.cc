#include "options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "terminal.h"

namespace tidemark::tools {
namespace {

constexpr size_t kMaxColumns = 110;
constexpr size_t kNameColumns = 26;

// `text` in lines of at most `columns`, all but the first after `indent` spaces.
std::string wrapped(std::string_view text, size_t indent, size_t columns) {
  std::string result;
  size_t column = indent;
  while (!text.empty()) {
    const size_t space = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(std::min(text.size(), space + 1));
    if (column > indent && column + 1 + word.size() > columns) {
      result += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
  }
  return result;
}

std::string names_of(const CLI::Option& option) {
  if (!option.nonpositional()) {
    return option.get_name() + (option.get_items_expected_max() > 1 ? "..." : "");
  }
  std::string names;
  for (const std::string& name : option.get_snames()) names += "-" + name + ", ";
  if (names.empty()) names = "    ";
  for (const std::string& name : option.get_lnames()) names += "--" + name + ", ";
  names.resize(names.size() - 2);
  if (option.get_type_size_max() > 0) names += " " + option.get_type_name();
  return names;
}

class HelpFormatter final : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    const Paint paint(STDOUT_FILENO);
    const size_t columns = std::min(columns_of(STDOUT_FILENO), kMaxColumns);
    std::string usage;
    std::string arguments;
    std::string options;
    for (const CLI::Option* option : app->get_options([](const CLI::Option* o) {
           return !o->get_group().empty();  // no group: hidden
         })) {
      add_row(option->nonpositional() ? options : arguments, names_of(*option),
              option->get_description(), columns, paint);
      if (option->nonpositional()) continue;
      usage += option->get_required() ? " " + names_of(*option) : " [" + names_of(*option) + "]";
    }
    std::string commands;
    for (const CLI::App* command : app->get_subcommands({})) {
      add_row(commands, command->get_name(), command->get_description(), columns, paint);
    }

    const bool is_command = app->get_parent() != nullptr;
    const std::string name = is_command ? "tidemark " + app->get_name() : "tidemark";
    if (!commands.empty()) usage = " COMMAND ...";
    std::string help =
        fmt::format("{} {}{}{}\n\n{}\n", paint.bold("Usage:"), name, usage,
                    is_command ? " [OPTION]..." : "", wrapped(app->get_description(), 0, columns));
    add_section(help, "Commands", commands, paint);
    add_section(help, "Arguments", arguments, paint);
    add_section(help, "Options", options, paint);
    add_section(help, is_command ? "Examples" : "More", app->get_footer(), paint);
    return help;
  }

 private:
  static void add_row(std::string& rows, const std::string& name, const std::string& description,
                      size_t columns, const Paint& paint) {
    rows += "  " + paint.bold(name);
    const size_t taken = 2 + name.size();
    if (taken + 2 > kNameColumns) {
      rows += '\n' + std::string(kNameColumns, ' ');
    } else {
      rows += std::string(kNameColumns - taken, ' ');
    }
    rows += wrapped(description, kNameColumns, columns) + '\n';
  }

  static void add_section(std::string& help, const std::string& title, const std::string& text,
                          const Paint& paint) {
    if (text.empty()) return;
    help += '\n' + paint.bold(title + ":") + '\n' + text;
    if (help.back() != '\n') help += '\n';
  }
};

}  // namespace

void lay_out_help(CLI::App& tool) {
  tool.formatter(std::make_shared<HelpFormatter>());
  tool.set_help_flag("-h,--help", "print this");
}

CLI::App& add_command(CLI::App& tool, const std::string& name, const std::string& description,
                      const std::string& examples) {
  CLI::App& command = *tool.add_subcommand(name, description);
  command.footer(examples);
  add_choice<ColourChoice>(
      command, "--color", colour_choice(),
      {{"auto", ColourChoice::Auto},
       {"always", ColourChoice::Always},
       {"never", ColourChoice::Never}},
      "colour in text for people (default auto: on a terminal, unless NO_COLOR is set)");
  return command;
}

CLI::Option* add_text(CLI::App& command, const std::string& names, const std::string& value,
                      std::string& target, const std::string& description) {
  const auto parse = [](std::string_view text) -> Result<std::string> {
    if (text.empty()) return fail(ErrorCode::InvalidArgument, "is empty");
    return std::string(text);
  };
  return add_value(command, names, value, target, parse, description);
}

CLI::Option* add_log(CLI::App& command, std::string& target, const std::string& description) {
  return add_text(command, "LOG", "", target, description)->required();
}

}  // namespace tidemark::tools
