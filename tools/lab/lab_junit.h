// SPDX-License-Identifier: MIT
// JUnit XML from the ledger of planned cases: every planned case stands in it exactly once, whatever became of the device.
#ifndef LAB_JUNIT_H
#define LAB_JUNIT_H

#include "lab_run.h"

/// One suite per run; each step a case (passed, failure, skipped; a step that was never come to is an error "not_run"),
/// and one, "gates", for the verdict. Written aside and renamed; call it again at each milestone and on abort. -1 and a
/// sentence on stderr.
int lab_junit_save(const lab_run_t *const *runs, uint32_t count, const char *path);

#endif
