// SPDX-License-Identifier: MIT
// CRC-32C against its published check values.
#include "hf_test.h"
#include "holdfast/hf_crc.h"

static void crc_check_string_gives_published_value(void)
{
    CHECK_EQ(hf_crc32c(0, "123456789", 9), 0xE3069283u);
}

static void crc_iscsi_vectors_give_published_values(void)
{
    uint8_t data[32];
    memset(data, 0, sizeof data);
    CHECK_EQ(hf_crc32c(0, data, 32), 0x8A9136AAu);
    memset(data, 0xFF, sizeof data);
    CHECK_EQ(hf_crc32c(0, data, 32), 0x62A8AB43u);
    for (unsigned i = 0; i < 32; i++) {
        data[i] = (uint8_t)i;
    }
    CHECK_EQ(hf_crc32c(0, data, 32), 0x46DD794Eu);
}

static void crc_empty_input_is_zero(void)
{
    CHECK_EQ(hf_crc32c(0, "", 0), 0);
}

static void crc_chained_equals_whole(void)
{
    const char text[] = "a record of several pieces";
    uint32_t whole = hf_crc32c(0, text, sizeof text);
    for (size_t cut = 0; cut <= sizeof text; cut++) {
        uint32_t part = hf_crc32c(hf_crc32c(0, text, cut), text + cut, sizeof text - cut);
        CHECK_EQ(part, whole);
    }
}

static void crc_any_flipped_bit_changes_it(void)
{
    uint8_t data[40] = {1, 2, 3};
    uint32_t good = hf_crc32c(0, data, sizeof data);
    for (unsigned bit = 0; bit < sizeof data * 8u; bit++) {
        data[bit / 8u] ^= (uint8_t)(1u << (bit % 8u));
        CHECK(hf_crc32c(0, data, sizeof data) != good);
        data[bit / 8u] ^= (uint8_t)(1u << (bit % 8u));
    }
}

HF_TEST_MAIN(HF_TEST(crc_check_string_gives_published_value),
             HF_TEST(crc_iscsi_vectors_give_published_values), HF_TEST(crc_empty_input_is_zero),
             HF_TEST(crc_chained_equals_whole), HF_TEST(crc_any_flipped_bit_changes_it))
