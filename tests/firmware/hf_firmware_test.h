// SPDX-License-Identifier: MIT
// Checks of images on the firmware's own board port: no stdio, a failed check says where and the image ends with 1.
#ifndef HF_FIRMWARE_TEST_H
#define HF_FIRMWARE_TEST_H

#include "mps2_board.h"

static int test_failed;

#define TEST_TEXT_OF(line) #line
#define TEST_TEXT(line)    TEST_TEXT_OF(line)
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            test_failed = 1;                                                                       \
            mps2_say(__FILE__ ":" TEST_TEXT(__LINE__) ": not true: " #condition "\n");             \
        }                                                                                          \
    } while (0)

static inline int test_end(void)
{
    mps2_say(test_failed != 0 ? "failed\n" : "passed\n");
    return test_failed;
}

#endif
