// SPDX-License-Identifier: MIT
// Names and texts of the status table.
#include "holdfast/hf_status.h"

const char *hf_status_text(int status)
{
    switch (status) {
#define STATUS_CASE(name, number, text)                                                            \
    case number:                                                                                   \
        return text;
        HF_STATUS_TABLE(STATUS_CASE)
#undef STATUS_CASE
    default:
        return "unknown status";
    }
}

const char *hf_status_name(int status)
{
    switch (status) {
#define STATUS_CASE(name, number, text)                                                            \
    case number:                                                                                   \
        return #name;
        HF_STATUS_TABLE(STATUS_CASE)
#undef STATUS_CASE
    default:
        return "HF_E_?";
    }
}
