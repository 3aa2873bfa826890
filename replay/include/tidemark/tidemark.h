// All that most programs need: logs, dataflows, and the operators between them.
#pragma once

#include "tidemark/capture.h"
#include "tidemark/capture_into.h"
#include "tidemark/codec.h"
#include "tidemark/dataflow.h"
#include "tidemark/event_link.h"
#include "tidemark/extract.h"
#include "tidemark/log.h"
#include "tidemark/log_reader.h"
#include "tidemark/log_writer.h"
#include "tidemark/replay_into.h"
#include "tidemark/resume_writer.h"
#include "tidemark/segment_records.h"
#include "tidemark/segment_texts.h"
#include "tidemark/share.h"
#include "tidemark/time_codec.h"
