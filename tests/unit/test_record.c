// SPDX-License-Identifier: MIT
// The text form of traces: what is written is read again, what is not written so is refused. Any bytes:
// tests/fuzz/fuzz_record.c.
#include "hf_test.h"
#include "holdfast/hf_record.h"

static hf_slice_t slice(const char *text)
{
    return (hf_slice_t){.text = text, .length = strlen(text)};
}

static int parse(const char *line, hf_record_t *record)
{
    return hf_record_parse(slice(line), record);
}

static void record_lines_are_written_as_documented(void)
{
    char text[512];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    hf_record_write_header(&out);
    hf_record_write_pool(
        &out, &(hf_record_pool_t){
                  .name = HF_SLICE("messages"), .block_bytes = 640, .count = 256, .id = 2});
    hf_record_write_tag(&out, 3, HF_SLICE("a b\xC3\xA4"));
    hf_record_write_tag(&out, 4, HF_SLICE(""));
    hf_record_write_restart(&out, 77);
    hf_trace_entry_t entry = {.sequence = 9,
                              .time_ms = 4294967295u,
                              .bytes = 100,
                              .block = 5,
                              .caller = 0xABCDu,
                              .pool = 2,
                              .kind = HF_TRACE_WRONG,
                              .tag = 3,
                              .status = HF_E_DOUBLE_GIVE,
                              .frame_count = 2,
                              .frame = {1, 0xFFFFFFFFu}};
    hf_record_write_entry(&out, &entry);
    CHECK_STR(text, "holdfast-trace 1\npool 2 messages 640 256\ntag 3 a_b__\ntag 4 _\nrestart 77\n"
                    "w 9 4294967295 2 3 100 5 -18 0000abcd 00000001 ffffffff\n");
    CHECK(!out.overflow);
}

static void record_longest_line_fits(void)
{
    char text[HF_RECORD_LINE_BYTES];
    hf_builder_t out;
    hf_trace_entry_t entry = {.sequence = UINT32_MAX,
                              .time_ms = UINT32_MAX,
                              .bytes = UINT32_MAX,
                              .block = UINT32_MAX,
                              .pool = UINT16_MAX,
                              .tag = UINT8_MAX,
                              .status = INT8_MIN,
                              .frame_count = HF_TRACE_FRAMES_MAX};
    hf_record_t record;
    hf_builder_init(&out, text, sizeof text);
    hf_record_write_entry(&out, &entry);
    CHECK(!out.overflow && out.length > 100u);
    CHECK_EQ(hf_record_parse((hf_slice_t){.text = text, .length = out.length - 1u}, &record),
             HF_OK);
    CHECK(memcmp(&record.entry, &entry, sizeof entry) == 0);
}

static void record_entry_is_read_as_it_was_written(void)
{
    uint32_t random = 12345;
    for (unsigned round = 0; round < 20000; round++) {
        hf_trace_entry_t entry, *at = &entry;
        memset(at, 0, sizeof *at);
        uint32_t *fields[] = {&at->sequence, &at->time_ms, &at->bytes, &at->block, &at->caller};
        for (size_t i = 0; i < HF_COUNT_OF(fields); i++) {
            random = random * 1664525u + 1013904223u;
            *fields[i] = random >> (random >> 27);
        }
        at->pool = (uint16_t)(random >> 3);
        at->kind = (uint8_t)(random >> 9) % HF_TRACE_KINDS;
        at->tag = (uint8_t)(random >> 5);
        at->status = (int8_t)(uint8_t)(random >> 13);
        at->frame_count = (uint8_t)((random >> 21) % 9u);
        for (unsigned i = 0; i < at->frame_count; i++) {
            at->frame[i] = random * (i + 1u);
        }
        char text[HF_RECORD_LINE_BYTES];
        hf_builder_t out;
        hf_record_t record;
        hf_builder_init(&out, text, sizeof text);
        hf_record_write_entry(&out, at);
        REQUIRE(!out.overflow && text[out.length - 1u] == '\n');
        REQUIRE(hf_record_parse((hf_slice_t){.text = text, .length = out.length - 1u}, &record) ==
                HF_OK);
        REQUIRE(record.type == HF_RECORD_ENTRY);
        REQUIRE(memcmp(&record.entry, at, sizeof *at) == 0);
    }
}

static void record_other_lines_are_read(void)
{
    hf_record_t record;
    CHECK_EQ(parse("holdfast-trace 1", &record), HF_OK);
    CHECK_EQ(record.type, HF_RECORD_HEADER);
    CHECK_EQ(parse("pool 65535 x 4294967295 0", &record), HF_OK);
    CHECK_EQ(record.type, HF_RECORD_POOL);
    CHECK_EQ(record.pool.id, 65535);
    CHECK(hf_slice_is(record.pool.name, "x"));
    CHECK_EQ(record.pool.block_bytes, 4294967295u);
    CHECK_EQ(parse("tag 255 net", &record), HF_OK);
    CHECK_EQ(record.type, HF_RECORD_TAG);
    CHECK(record.tag == 255 && hf_slice_is(record.tag_name, "net"));
    CHECK_EQ(parse("restart 12", &record), HF_OK);
    CHECK(record.type == HF_RECORD_RESTART && record.restart_ms == 12);
    CHECK_EQ(parse("#", &record), HF_OK);
    CHECK_EQ(record.type, HF_RECORD_REMARK);
    CHECK_EQ(parse("# \xFF whatever", &record), HF_OK);
}

static void record_malformed_lines_are_refused(void)
{
    static const struct {
        const char *line;
        int status;
    } cases[] = {
        {"", HF_E_FORMAT},
        {" ", HF_E_FORMAT},
        {"x 1", HF_E_FORMAT},
        {"tt 1 2 3 4 5 6 0 00000000", HF_E_FORMAT},
        {"t", HF_E_FORMAT},
        {"t 1 2 3 4 5 6 0", HF_E_FORMAT},
        {"t 1 2 3 4 5 6 0 ", HF_E_FORMAT},
        {"t  1 2 3 4 5 6 0 00000000", HF_E_FORMAT},
        {"t 1 2 3 4 5 6 0 00000000 ", HF_E_FORMAT},
        {"t 1 2 3 4 5 6 0 0000000", HF_E_FORMAT},
        {"t 1 2 3 4 5 6 0 000000000", HF_E_FORMAT},
        {"t 1 2 3 4 5 6 0 0000000G", HF_E_FORMAT},
        {"t 1 2 3 4 5 6 0 0000000A", HF_E_FORMAT},
        {"t 01 2 3 4 5 6 0 00000000", HF_E_FORMAT},
        {"t +1 2 3 4 5 6 0 00000000", HF_E_FORMAT},
        {"t -1 2 3 4 5 6 0 00000000", HF_E_FORMAT},
        {"t 1 2 3 4 5 6 -0 00000000", HF_E_FORMAT},
        {"t 1 2 3 4 5 6 - 00000000", HF_E_FORMAT},
        {"t 1 2 3 4 5 6 --1 00000000", HF_E_FORMAT},
        {"t 1 2 3 4 5 6 128 00000000", HF_E_RANGE},
        {"t 1 2 3 4 5 6 -129 00000000", HF_E_RANGE},
        {"t 4294967296 2 3 4 5 6 0 00000000", HF_E_RANGE},
        {"t 99999999999999999999999 2 3 4 5 6 0 00000000", HF_E_RANGE},
        {"t 1 2 65536 4 5 6 0 00000000", HF_E_RANGE},
        {"t 1 2 3 256 5 6 0 00000000", HF_E_RANGE},
        {"t 1 2 3 4 5 6 0 00000000 1 2 3 4 5 6 7 8 9", HF_E_FORMAT},
        {"t 1 2 3 4 5 6 0 00000000 00000001 00000002 00000003 00000004 00000005 00000006 00000007 "
         "00000008 00000009",
         HF_E_RANGE},
        {"holdfast-trace", HF_E_FORMAT},
        {"holdfast-trace 2", HF_E_UNSUPPORTED},
        {"holdfast-trace 1 ", HF_E_FORMAT},
        {"holdfast-trace 1 1", HF_E_FORMAT},
        {"pool 1 x 2", HF_E_FORMAT},
        {"pool 1 x 2 3 4", HF_E_FORMAT},
        {"pool 65536 x 2 3", HF_E_RANGE},
        {"pool 1 \x7F 2 3", HF_E_FORMAT},
        {"pool 1 abcdefghijklmnopqrstuvwxyz123456 2 3", HF_E_RANGE},
        {"tag 256 x", HF_E_RANGE},
        {"tag 1", HF_E_FORMAT},
        {"restart", HF_E_FORMAT},
        {"restart 1\r", HF_E_FORMAT},
    };
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        hf_record_t record;
        int status = parse(cases[i].line, &record);
        if (status != cases[i].status) {
            HF_TEST_FAIL("'%s' gives %d, not %d", cases[i].line, status, cases[i].status);
        }
    }
}

static void record_reader_wants_one_header_first(void)
{
    hf_record_reader_t reader = {0};
    hf_record_t record;
    CHECK_EQ(hf_record_read(&reader, slice("restart 1"), &record), HF_E_STATE);
    CHECK_EQ(hf_record_read(&reader, slice("holdfast-trace 2"), &record), HF_E_UNSUPPORTED);
    CHECK_EQ(hf_record_read(&reader, slice("holdfast-trace 1"), &record), HF_OK);
    CHECK_EQ(hf_record_read(&reader, slice("restart 1"), &record), HF_OK);
    CHECK_EQ(hf_record_read(&reader, slice("holdfast-trace 1"), &record), HF_E_STATE);
    CHECK_EQ(reader.lines, 5);
    CHECK_EQ(reader.restarts, 1);
}

static void record_reader_counts_what_is_missing(void)
{
    hf_record_reader_t reader = {0};
    hf_record_t record;
    CHECK_EQ(hf_record_read(&reader, slice("holdfast-trace 1"), &record), HF_OK);
    CHECK_EQ(hf_record_read(&reader, slice("t 4294967294 0 0 0 1 0 0 00000000"), &record), HF_OK);
    CHECK_EQ(hf_record_read(&reader, slice("g 3 0 0 0 1 0 0 00000000"), &record), HF_OK);
    CHECK_EQ(reader.missing, 4); // 4294967295, 0, 1, 2
    CHECK_EQ(hf_record_read(&reader, slice("g 3 0 0 0 1 0 0 00000000"), &record), HF_E_STATE);
    CHECK_EQ(hf_record_read(&reader, slice("g 2 0 0 0 1 0 0 00000000"), &record), HF_E_STATE);
    CHECK_EQ(hf_record_read(&reader, slice("restart 5"), &record), HF_OK);
    CHECK_EQ(hf_record_read(&reader, slice("g 0 0 0 0 1 0 0 00000000"), &record), HF_OK);
    CHECK_EQ(reader.missing, 4);
    CHECK_EQ(reader.entries, 3);
}

HF_TEST_MAIN(HF_TEST(record_lines_are_written_as_documented), HF_TEST(record_longest_line_fits),
             HF_TEST(record_entry_is_read_as_it_was_written), HF_TEST(record_other_lines_are_read),
             HF_TEST(record_malformed_lines_are_refused),
             HF_TEST(record_reader_wants_one_header_first),
             HF_TEST(record_reader_counts_what_is_missing))
