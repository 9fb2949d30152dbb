// SPDX-License-Identifier: MIT
// Begins a test that compiles the pool itself, with a configuration of its own: every switch of the pool off, whatever the
// build says. The test then defines the switches it wants, and includes the sources.
#ifndef POOL_VARIANT_OFF_H
#define POOL_VARIANT_OFF_H

#include "holdfast/hf_config.h"

#undef CONFIG_HF_POOL_LIFO
#undef CONFIG_HF_POOL_STATISTICS
#undef CONFIG_HF_POOL_CENSUS
#undef CONFIG_HF_POOL_FILL
#undef CONFIG_HF_POOL_CANARY
#undef CONFIG_HF_POOL_TIMING
#undef CONFIG_HF_TRACE

#endif
