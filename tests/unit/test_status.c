// SPDX-License-Identifier: MIT
// The status table: every number has its own name and text, numbers are part of the interface.
#include "hf_test.h"
#include "holdfast/hf_status.h"

static const struct {
    int number;
    const char *name, *text;
} rows[] = {
#define ROW(name, number, text) {number, #name, text},
    HF_STATUS_TABLE(ROW)
#undef ROW
};

static void status_known_number_has_name_and_text(void)
{
    for (size_t i = 0; i < HF_COUNT_OF(rows); i++) {
        CHECK_STR(hf_status_name(rows[i].number), rows[i].name);
        CHECK_STR(hf_status_text(rows[i].number), rows[i].text);
    }
}

static void status_unknown_number_says_so(void)
{
    CHECK_STR(hf_status_name(1), "HF_E_?");
    CHECK_STR(hf_status_text(1), "unknown status");
    CHECK_STR(hf_status_name(-1000), "HF_E_?");
    CHECK_STR(hf_status_text(INT32_MIN), "unknown status");
}

static void status_numbers_run_down_from_zero(void)
{
    for (size_t i = 0; i < HF_COUNT_OF(rows); i++) {
        CHECK_EQ(rows[i].number, -(int)i);
    }
    CHECK_EQ(HF_OK, 0);
    CHECK_EQ(HF_E_AGAIN, -7);
    CHECK_EQ(HF_E_PROTOCOL, -20);
}

static void status_texts_differ(void)
{
    for (size_t i = 0; i < HF_COUNT_OF(rows); i++) {
        for (size_t j = i + 1; j < HF_COUNT_OF(rows); j++) {
            CHECK(strcmp(rows[i].text, rows[j].text) != 0);
        }
    }
}

HF_TEST_MAIN(HF_TEST(status_known_number_has_name_and_text), HF_TEST(status_unknown_number_says_so),
             HF_TEST(status_numbers_run_down_from_zero), HF_TEST(status_texts_differ))
