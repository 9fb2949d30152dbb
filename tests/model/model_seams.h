// SPDX-License-Identifier: MIT
// What every model test needs beside the scheduler: the runtime's seams (the critical section is the scheduler's lock), and
// the judge's one sentence.
#ifndef MODEL_SEAMS_H
#define MODEL_SEAMS_H

#include "model.h"

/// The schedule under way is a finding, told by `text`, unless it is true.
void model_expect(bool is_true, const char *text);

/// For setting up: what must succeed. Ends the program when it did not.
void model_require(int status);

#endif
