// SPDX-License-Identifier: MIT
// The verbs of holdfast-lab, each in a file lab_verb_NAME.c; the table is in main.c.
#ifndef LAB_VERBS_H
#define LAB_VERBS_H

int lab_verb_list(int argc, char **argv);
int lab_verb_run(int argc, char **argv);
int lab_verb_show(int argc, char **argv);
int lab_verb_diff(int argc, char **argv);
int lab_verb_baseline(int argc, char **argv);
int lab_verb_compare(int argc, char **argv);
int lab_verb_report(int argc, char **argv);
int lab_verb_watch(int argc, char **argv);
int lab_verb_replay(int argc, char **argv);
int lab_verb_log(int argc, char **argv);

#endif
