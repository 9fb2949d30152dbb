// SPDX-License-Identifier: MIT
// The trace of the charge point's memory under its traffic, as text (hf_record.h): takes and gives of its pools, and each
// text on the link from the moment it is sent to the moment it is read. The charge point keeps texts in buffers of its own;
// their entries tell what a program would ask a heap for. Needs CONFIG_HF_TRACE; nothing is traced else. With
// CONFIG_HF_POOL_CENSUS a restart also tells the blocks its journal brought back.
#ifndef WORLD_TRACE_H
#define WORLD_TRACE_H

#include "world.h"

/// Numbers of the pools in the trace.
enum {
    WORLD_TRACE_MESSAGES,
    WORLD_TRACE_TRANSACTIONS,
    WORLD_TRACE_TEXTS_UP,
    WORLD_TRACE_TEXTS_DOWN
};

/// The charge point was started: the first time, or anew.
void world_trace_boot(world_t *world);
/// Writes what happened since the last call.
void world_trace_step(world_t *world);
/// A text of so many bytes entered slot `slot` of a pipe, or left it.
void world_trace_text(world_t *world, const world_pipe_t *pipe, bool entered, uint32_t slot);

#endif
