// SPDX-License-Identifier: MIT
// report.html: a run as one self-contained page. What it shows are figures of the record; the page (report/report.html,
// compiled in) draws them. Invariant: a number on the page is that of summary.json or of a row of the .jsonl files.
#ifndef LAB_REPORT_H
#define LAB_REPORT_H

#include "lab_gates.h"

#define LAB_REPORT_ROWS                                                                            \
    20000u // of memory and of a pool; of more, the least and the newest of each stretch

/// `gates` are drawn as limits. `baseline`: another run to compare with, NULL none. Written aside and renamed. -1 and a
/// sentence on stderr.
int lab_report_write(const lab_run_t *run, const lab_gates_t *gates, const lab_run_t *baseline,
                     const char *path);

/// The page with "@DATA@" in the place of the record, made of report/report.html by the build.
extern const char lab_report_page[];

#endif
