// The dataflow runtime as a whole: workers, streams, and the operators on them.
//
// The smallest runtime of timely dataflow's model that makes capture and replay real within one
// process. Programs that outgrow it have timely dataflow itself.
#pragma once

#include "tidemark/dataflow/execute.h"
#include "tidemark/dataflow/operators/concat.h"
#include "tidemark/dataflow/operators/exchange.h"
#include "tidemark/dataflow/operators/input.h"
#include "tidemark/dataflow/operators/inspect.h"
#include "tidemark/dataflow/operators/map.h"
#include "tidemark/dataflow/operators/notificator.h"
#include "tidemark/dataflow/operators/probe.h"
#include "tidemark/dataflow/operators/source.h"
#include "tidemark/dataflow/operators/to_stream.h"
#include "tidemark/dataflow/operators/unary.h"
#include "tidemark/dataflow/timestamp.h"
