// SPDX-License-Identifier: MIT
// holdfastd within a device's memory: --heap starts the program once more with libholdfast-malloc.so preloaded, since the
// first allocations come before main(). Under a budget it is the same program with a limit: nothing here simulates.
#ifndef DAEMON_HEAP_H
#define DAEMON_HEAP_H

#include "options.h"

/// Whether the text is a budget, as internal=320K,psram=8M; if not, one sentence on stderr.
HF_MUST_CHECK int daemon_heap_check(const char *text);

/// Puts this process under the budget of the options. -1 to go on: it is under it, or none is asked for. Does not return
/// when it starts the program again. Else the exit code, after a sentence on stderr: the library is not beside the program
/// nor in its library directory, or the loader did not take it. Context: first thing after the options; no thread yet.
HF_MUST_CHECK int daemon_heap_enter(const options_t *options, char **argv);

#endif
