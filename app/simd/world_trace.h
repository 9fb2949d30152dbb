// SPDX-License-Identifier: MIT
// The trace of the charge point's memory under its traffic, as text (hf_record.h): takes and gives of its pools, and each
// frame on the link from the moment it is sent until its receiver is done with it. The charge point keeps frames in
// buffers of its own; their entries tell what a program would ask a heap for. Needs CONFIG_HF_TRACE; nothing is
// traced else. With CONFIG_HF_POOL_CENSUS a restart also tells the blocks its journal brought back.
#ifndef WORLD_TRACE_H
#define WORLD_TRACE_H

#include "world.h"

/// Numbers of the pools in the trace.
enum { WORLD_TRACE_MESSAGES = 0, WORLD_TRACE_FRAMES_UP = 16, WORLD_TRACE_FRAMES_DOWN = 17 };

/// The charge point was started: the first time, or anew.
void world_trace_boot(world_t *world);
/// Writes what happened since the last call.
void world_trace_step(world_t *world);
/// Frame `number` of a pipe, of so many bytes, was sent, or its receiver is done with it.
void world_trace_frame(world_t *world, const world_pipe_t *pipe, bool is_sent, uint32_t number);

#endif
