// SPDX-License-Identifier: MIT
// The telemetry lines against the format: exact bytes, and the regular expressions that the harness of old read them
// with, rebuilt from the format in docs/SPEC.md (it split at blanks, was anchored at the beginning, and wanted "(0ms)" at
// the end).
#include "hf_test.h"

#include "holdfast/hf_line.h"

#include <regex.h>

#define N "([0-9]+)"
#define MEM_PATTERN                                                                                \
    "^\\[Mem\\] ([^ ]+) hf=" N " hm=" N " hl=" N " hi=" N " hin=" N " frag=" N " pf=" N " pm=" N   \
    " pl=" N " \\([0-9]+ms\\)$"
#define TRIPWIRE_PATTERN                                                                           \
    "^\\[Mem\\] TRIPWIRE fired tag=([^ ]+) hin=" N "B < " N "B \\(hf=" N "B hl=" N "B frag=" N     \
    "% pf=" N "B pl=" N "B\\) \\([0-9]+ms\\)$"
#define DUMP_PATTERN                                                                               \
    "^\\[Mem\\] Task dump \\(" N " tasks, sorted by stack margin\\) tag=([^ ]+) \\([0-9]+ms\\)$"
#define TASK_PATTERN                                                                               \
    "^\\[Task\\] name=([^ ]+) prio=" N " core=(-?[0-9]+) stack_rem=" N "B \\([0-9]+ms\\)$"
#define HEARTBEAT_PATTERN "^\\[Heartbeat\\] Up: " N "s \\| Heap: " N " \\| WiFi: (.+)$"
#define GOT_IP_PATTERN    "Got IP: ([0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+)"

static char text[1024];
static hf_builder_t out;

static void begin(void)
{
    hf_builder_init(&out, text, sizeof text);
}

/// Group `group` of what `pattern` finds in the text without its end; empty when it is not found.
static const char *found(const char *pattern, size_t group)
{
    static char result[512];
    char line[sizeof text];
    regex_t compiled;
    regmatch_t match[16];
    (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
    result[0] = '\0';
    if (regcomp(&compiled, pattern, REG_EXTENDED) != 0) {
        HF_TEST_FAIL("pattern %s", pattern);
        return result;
    }
    if (regexec(&compiled, line, 16, match, 0) == 0 && match[group].rm_so >= 0) {
        (void)snprintf(result, sizeof result, "%.*s",
                       (int)(match[group].rm_eo - match[group].rm_so), line + match[group].rm_so);
    }
    regfree(&compiled);
    return result;
}

static const hf_memory_t golden = {
    .heap_free = 48568,
    .heap_min = 20908,
    .heap_largest = 30596,
    .internal_free = 48569,
    .internal_min = 20912,
    .internal_largest = 30597,
    .psram_free = 8000001,
    .psram_min = 7000002,
    .psram_largest = 6000003,
};

static const hf_memory_t extreme = {
    .heap_free = UINT32_MAX,
    .heap_min = UINT32_MAX,
    .heap_largest = 0,
    .internal_free = UINT32_MAX,
    .internal_min = UINT32_MAX,
    .internal_largest = UINT32_MAX,
    .psram_free = UINT32_MAX,
    .psram_min = UINT32_MAX,
    .psram_largest = UINT32_MAX,
};

// A tag and a name no longer than what counts of them, of which every byte is encoded.
static const char all_odd[] = "\x01\x02\x03\x04\x05\x06\x07\x08\x0B\x0C\x0E\x0F\x10\x11\x12\x13"
                              "\x14\x15\x16\x17\x18\x19\x1A\x1B\x1C\x1D\x1E\x1F    \"\"\"\"    "
                              "and more that does not count";

static void line_memory_is_byte_for_byte(void)
{
    begin();
    CHECK_EQ(hf_line_memory(&out, "http_root", &golden), HF_OK);
    CHECK_STR(text, "[Mem] http_root hf=48568 hm=20908 hl=30596 hi=48569 hin=20912 frag=37 "
                    "pf=8000001 pm=7000002 pl=6000003 (0ms)\n");
    CHECK_STR(found(MEM_PATTERN, 1), "http_root");
    static const char *const values[] = {"48568", "20908",   "30596",   "48569",  "20912",
                                         "37",    "8000001", "7000002", "6000003"};
    for (size_t i = 0; i < HF_COUNT_OF(values); i++) {
        CHECK_STR(found(MEM_PATTERN, i + 2u), values[i]);
    }
}

static void line_tripwire_is_byte_for_byte(void)
{
    begin();
    CHECK_EQ(hf_line_tripwire(&out, "http_config_post_parsed", 30720, &golden), HF_OK);
    CHECK_STR(text, "[Mem] TRIPWIRE fired tag=http_config_post_parsed hin=20912B < 30720B "
                    "(hf=48568B hl=30596B frag=37% pf=8000001B pl=6000003B) (0ms)\n");
    static const char *const values[] = {
        "http_config_post_parsed", "20912", "30720", "48568", "30596", "37", "8000001", "6000003"};
    for (size_t i = 0; i < HF_COUNT_OF(values); i++) {
        CHECK_STR(found(TRIPWIRE_PATTERN, i + 1u), values[i]);
    }
}

static void line_dump_and_task_are_byte_for_byte(void)
{
    begin();
    CHECK_EQ(hf_line_dump(&out, "s4", 8), HF_OK);
    CHECK_STR(text, "[Mem] Task dump (8 tasks, sorted by stack margin) tag=s4 (0ms)\n");
    CHECK_STR(found(DUMP_PATTERN, 1), "8");
    CHECK_STR(found(DUMP_PATTERN, 2), "s4");

    begin();
    const hf_line_task_t task = {"Tmr Svc", 1, -1, 584};
    CHECK_EQ(hf_line_task(&out, &task), HF_OK);
    CHECK_STR(text, "[Task] name=Tmr%20Svc prio=1 core=-1 stack_rem=584B (0ms)\n");
    CHECK_STR(found(TASK_PATTERN, 1), "Tmr%20Svc"); // missed by the harness of old: it had a blank
    CHECK_STR(found(TASK_PATTERN, 3), "-1");
    CHECK_STR(found(TASK_PATTERN, 4), "584");
}

static void line_stack_is_nothing_the_harness_of_old_reads(void)
{
    static const char *const old[] = {MEM_PATTERN,  TRIPWIRE_PATTERN,  DUMP_PATTERN,
                                      TASK_PATTERN, HEARTBEAT_PATTERN, GOT_IP_PATTERN};
    begin();
    CHECK_EQ(hf_line_stack(&out, "Tmr Svc", 4096, 1), HF_OK);
    CHECK_STR(text, "[Stack] name=Tmr%20Svc size=4096B prio=1 (0ms)\n");
    for (size_t i = 0; i < HF_COUNT_OF(old); i++) {
        CHECK_STR(found(old[i], 0), "");
    }
}

static void line_pool_wire_and_lock_have_their_fields(void)
{
    begin();
    const hf_line_pool_t pool = {"ws.frames", 4096, 8, 3, 7, 1, 12, 2};
    CHECK_EQ(hf_line_pool(&out, &pool), HF_OK);
    CHECK_STR(text,
              "[Pool] name=ws.frames size=4096 cap=8 use=3 peak=7 min=1 exh=12 bad=2 (0ms)\n");

    begin();
    const hf_line_wire_t wire = {"pool", "warning", "hb", "ws frames", 87, 80};
    CHECK_EQ(hf_line_wire(&out, &wire), HF_OK);
    CHECK_STR(text, "[Trip] pool warning tag=hb value=87 limit=80 name=ws%20frames (0ms)\n");

    begin();
    const hf_line_wire_t nameless = {"fragmentation", "trip", "hb", NULL, 50, 50};
    CHECK_EQ(hf_line_wire(&out, &nameless), HF_OK);
    CHECK_STR(text, "[Trip] fragmentation trip tag=hb value=50 limit=50 name=- (0ms)\n");

    begin();
    const hf_line_lock_t lock = {"journal", "comms", NULL, 60, 3};
    CHECK_EQ(hf_line_lock(&out, &lock), HF_OK);
    CHECK_STR(text, "[Lock] name=journal holder=comms waiter=- held_ms=60 timeouts=3 (0ms)\n");
}

static void line_prologue_is_what_the_harness_waits_for(void)
{
    begin();
    CHECK_EQ(hf_line_reset(&out, 0x8004, "Task WDT"), HF_OK);
    CHECK_EQ(hf_line_boot(&out), HF_OK);
    CHECK_EQ(hf_line_version(&out, "1.5.0+g12ab"), HF_OK);
    CHECK_EQ(hf_line_ip(&out, "127.0.0.1"), HF_OK);
    CHECK_EQ(hf_line_ready(&out), HF_OK);
    CHECK_STR(text, "rst:0x8004 (Task WDT)\n[System Boot] Starting...\n  Firmware: v1.5.0+g12ab\n"
                    "[WiFi] Got IP: 127.0.0.1\n[Main] Setup complete\n");
    begin();
    CHECK_EQ(hf_line_ip(&out, "192.168.4.1"), HF_OK);
    CHECK_STR(found(GOT_IP_PATTERN, 1), "192.168.4.1");
}

static void line_heartbeat_tells_a_connection_or_none(void)
{
    begin();
    CHECK_EQ(hf_line_heartbeat(&out, 60, 48568, "10.0.0.7", "charger-1"), HF_OK);
    CHECK_STR(text, "[Heartbeat] Up: 60s | Heap: 48568 | WiFi: 10.0.0.7 (charger-1)\n");
    CHECK_STR(found(HEARTBEAT_PATTERN, 1), "60");
    CHECK_STR(found(HEARTBEAT_PATTERN, 3), "10.0.0.7 (charger-1)");
    begin();
    CHECK_EQ(hf_line_heartbeat(&out, 4294967295u, 0, NULL, "x"), HF_OK);
    CHECK_STR(text, "[Heartbeat] Up: 4294967295s | Heap: 0 | WiFi: Disconnected\n");
    begin();
    CHECK_EQ(hf_line_heartbeat(&out, 0, 0, "::1", NULL), HF_OK);
    CHECK_STR(text, "[Heartbeat] Up: 0s | Heap: 0 | WiFi: ::1 (-)\n");
}

static void line_tag_that_is_odd_is_encoded(void)
{
    static const struct {
        const char *tag, *told;
    } cases[] = {
        {"img pre-clear", "img%20pre-clear"},
        {"a\tb\r\nc", "a%09b%0D%0Ac"},
        {"50%", "50%25"},
        {"K\xC3\xBChlung", "K%C3%BChlung"},
        {"\x7F\xFF", "%7F%FF"},
        {"az_AZ-09.:/+", "az_AZ-09.:/+"},
        {"(null)", "%28null%29"},
        {NULL, "(null)"},
        {"", "-"},
    };
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        begin();
        CHECK_EQ(hf_line_memory(&out, cases[i].tag, &golden), HF_OK);
        CHECK_STR(found(MEM_PATTERN, 1), cases[i].told);
    }
}

static void line_tag_too_long_loses_its_end_between_characters(void)
{
    begin();
    CHECK_EQ(hf_line_dump(&out, "0123456789012345678901234567890123456789", 1), HF_OK);
    CHECK_STR(found(DUMP_PATTERN, 2), "0123456789012345678901234567890123456789");
    begin();
    CHECK_EQ(hf_line_dump(&out, "0123456789012345678901234567890123456789A", 1), HF_OK);
    CHECK_STR(found(DUMP_PATTERN, 2), "0123456789012345678901234567890123456789");
    begin(); // the fortieth byte begins a character of two
    CHECK_EQ(hf_line_dump(&out, "012345678901234567890123456789012345678\xC3\xBC", 1), HF_OK);
    CHECK_STR(found(DUMP_PATTERN, 2), "012345678901234567890123456789012345678");
    begin(); // no UTF-8 at all: cut where it is
    char odd[64];
    memset(odd, 0x80, sizeof odd - 1u);
    odd[sizeof odd - 1u] = '\0';
    CHECK_EQ(hf_line_dump(&out, odd, 1), HF_OK);
    CHECK_EQ(strlen(found(DUMP_PATTERN, 2)), 3u * HF_LINE_TAG_BYTES);
}

/// Every line with the largest of everything, one after the other.
static int worst_line(unsigned which)
{
    const hf_line_task_t task = {all_odd, UINT32_MAX, INT32_MIN, UINT32_MAX};
    const hf_line_pool_t pool = {all_odd,    UINT32_MAX, UINT32_MAX, UINT32_MAX,
                                 UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    const hf_line_wire_t wire = {"internal_free", "warning",  all_odd,
                                 all_odd,         UINT32_MAX, UINT32_MAX};
    const hf_line_lock_t lock = {all_odd, all_odd, all_odd, UINT32_MAX, UINT32_MAX};
    switch (which) {
    case 0:
        return hf_line_memory(&out, all_odd, &extreme);
    case 1:
        return hf_line_tripwire(&out, all_odd, UINT32_MAX, &extreme);
    case 2:
        return hf_line_wire(&out, &wire);
    case 3:
        return hf_line_dump(&out, all_odd, UINT32_MAX);
    case 4:
        return hf_line_task(&out, &task);
    case 5:
        return hf_line_pool(&out, &pool);
    case 6:
        return hf_line_lock(&out, &lock);
    case 7:
        return hf_line_heartbeat(&out, UINT32_MAX, UINT32_MAX, all_odd, all_odd);
    case 8:
        return hf_line_reset(&out, UINT32_MAX, all_odd);
    case 9:
        return hf_line_boot(&out);
    case 10:
        return hf_line_version(&out, all_odd);
    case 11:
        return hf_line_ip(&out, all_odd);
    case 12:
        return hf_line_stack(&out, all_odd, UINT32_MAX, UINT32_MAX);
    default:
        return hf_line_ready(&out);
    }
}
#define WORST_LINES 14u

static void line_of_any_kind_fits_its_room(void)
{
    size_t longest = 0;
    for (unsigned which = 0; which < WORST_LINES; which++) {
        hf_builder_init(&out, text, HF_LINE_BYTES);
        CHECK_EQ(worst_line(which), HF_OK);
        CHECK(out.length > 0 && text[out.length - 1u] == '\n');
        CHECK_EQ(strcspn(text, "\n"), out.length - 1u); // one line
        longest = out.length > longest ? out.length : longest;
    }
    CHECK(longest > HF_LINE_BYTES * 3u / 4u); // the room is not far too large
}

static void line_that_does_not_fit_is_not_begun(void)
{
    for (unsigned which = 0; which < WORST_LINES; which++) {
        begin();
        CHECK_EQ(worst_line(which), HF_OK);
        const size_t length = out.length;
        for (size_t capacity = 6; capacity <= length + 5u; capacity++) {
            memset(text, '~', sizeof text);
            hf_builder_init(&out, text, capacity);
            hf_builder_text(&out, "kept\n");
            CHECK_EQ(worst_line(which), HF_E_TOO_LONG);
            CHECK_EQ(text[capacity], '~'); // nor written past its end
            CHECK_EQ(text[capacity + 8u], '~');
            CHECK_STR(text, "kept\n");
            CHECK_EQ(out.length, 5);
            CHECK(!out.overflow);
        }
        hf_builder_init(&out, text, length + 6u);
        hf_builder_text(&out, "kept\n");
        CHECK_EQ(worst_line(which), HF_OK);
    }
}

static void line_after_something_cut_is_refused(void)
{
    char small[4];
    hf_builder_init(&out, small, sizeof small);
    hf_builder_text(&out, "too long");
    CHECK(out.overflow);
    CHECK_EQ(hf_line_ready(&out), HF_E_TOO_LONG);
    CHECK(out.overflow); // that something is missing is not forgotten
    hf_builder_init(&out, small, 0);
    CHECK_EQ(hf_line_ready(&out), HF_E_TOO_LONG);
}

static void memory_fragmentation_is_truncated(void)
{
    static const struct {
        uint32_t free_bytes, largest, percent;
    } cases[] = {
        {0, 0, 0},
        {0, 1, 0},
        {100, 101, 0}, // impossible
        {100, 100, 0},
        {100, 0, 100},
        {100, 71, 29},
        {100, 90, 10}, // in doubles 9.999
        {3, 1, 66},
        {3, 2, 33},
        {1000, 1, 99},
        {1, 0, 100},
        {UINT32_MAX, 0, 100},
        {UINT32_MAX, 1, 99},
        {UINT32_MAX, UINT32_MAX, 0},
        {UINT32_MAX, UINT32_MAX - 1u, 0},
        {42949673u, 0, 100}, // on both sides of what fits 32 bits
        {42949672u, 0, 100},
        {UINT32_MAX, 0x80000000u, 49},
        {20912u, 13175u, 36},
    };
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        CHECK_EQ(hf_memory_fragmentation(cases[i].free_bytes, cases[i].largest), cases[i].percent);
    }
    for (uint32_t i = 0; i < 200000u; i++) { // against plain arithmetic
        const uint32_t free_bytes = i * 2654435761u;
        const uint32_t largest = free_bytes != 0 ? (i * 40503u * 2246822519u) % free_bytes : 0;
        const uint64_t expected =
            free_bytes == 0 ? 0 : (uint64_t)(free_bytes - largest) * 100u / free_bytes;
        if (hf_memory_fragmentation(free_bytes, largest) != expected) {
            HF_TEST_FAIL("%u of %u", largest, free_bytes);
            return;
        }
    }
}

HF_TEST_MAIN(HF_TEST(line_memory_is_byte_for_byte), HF_TEST(line_tripwire_is_byte_for_byte),
             HF_TEST(line_dump_and_task_are_byte_for_byte),
             HF_TEST(line_stack_is_nothing_the_harness_of_old_reads),
             HF_TEST(line_pool_wire_and_lock_have_their_fields),
             HF_TEST(line_prologue_is_what_the_harness_waits_for),
             HF_TEST(line_heartbeat_tells_a_connection_or_none),
             HF_TEST(line_tag_that_is_odd_is_encoded),
             HF_TEST(line_tag_too_long_loses_its_end_between_characters),
             HF_TEST(line_of_any_kind_fits_its_room), HF_TEST(line_that_does_not_fit_is_not_begun),
             HF_TEST(line_after_something_cut_is_refused),
             HF_TEST(memory_fragmentation_is_truncated))
