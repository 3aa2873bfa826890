// What a `tidemark_log` is.
#pragma once

#include "tidemark/log.h"

struct tidemark_log {
  tidemark::Log log;
};
