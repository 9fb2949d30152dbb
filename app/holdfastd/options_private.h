// SPDX-License-Identifier: MIT
// Private to the options: the table of settings, reading one, checking what needs several.
#ifndef OPTIONS_PRIVATE_H
#define OPTIONS_PRIVATE_H

#include "options.h"

#if CONFIG_HOLDFASTD_GPIO
#define OPTIONS_IOS "socket:PATH or gpio:FILE"
#else
#define OPTIONS_IOS "socket:PATH"
#endif

/// What can be told, on the command line and in a file.
typedef struct setting {
    const char *name;
    const char *argument; // NULL: a flag, yes or no in a file
    const char *help;
    int (*read)(options_t *options, const char *value);
    size_t offset; // of a plain text field, when read is NULL
    size_t capacity;
} setting_t;

/// NULL: there is none of that name.
const setting_t *options_find(const char *name);
/// HF_E_TOO_LONG: empty, too. HF_E_FULL: there are as many as there may be. HF_E_STATE: speaks of the last --can, of which
/// there is none before it.
HF_MUST_CHECK int options_apply(options_t *options, const setting_t *setting, const char *value);
void options_print_help(void);

/// Everything that needs several values, or asks the system; fills what is derived. Says what is wrong.
HF_MUST_CHECK int options_check(options_t *options);

/// One sentence on stderr, of a format with two texts. Returns HF_E_ARGUMENT.
int options_fail(const char *format, const char *a, const char *b);

#endif
