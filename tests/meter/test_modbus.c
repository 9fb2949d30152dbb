// SPDX-License-Identifier: MIT
// The Modbus meter with its thread and a real line: good, silent, wrong CRC, exception, garbage, cut short, unplugged and
// back, a register that begins anew. Waits for what must come; no test is about how fast.
#include "evse_meter_modbus.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"
#include "line.h"

#include <errno.h>
#include <time.h>

#define PERIOD_MS 20u
#define LIMIT_MS  20000u
#define Wh        3600000ull

static line_t line;
static evse_meter_modbus_t meter;
static evse_meter_count_t count;

static void nap(void)
{
    struct timespec left = {.tv_nsec = 2000000L};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static int advance(void)
{
    return evse_meter_modbus_ops.advance(&meter, hf_port_now_us(), &count);
}

// Ticks until the seam says so.
static bool comes(int status)
{
    uint64_t end_us = hf_port_now_us() + LIMIT_MS * HF_US_PER_MS;
    while (hf_port_now_us() < end_us) {
        if (advance() == status) {
            return true;
        }
        nap();
    }
    return false;
}

static bool comes_to(uint64_t register_mJ)
{
    uint64_t end_us = hf_port_now_us() + LIMIT_MS * HF_US_PER_MS;
    while (hf_port_now_us() < end_us && count.register_mJ != register_mJ) {
        (void)advance();
        nap();
    }
    return count.register_mJ == register_mJ;
}

typedef uint32_t (*counted_t)(void);

static uint32_t good_count(void)
{
    return evse_meter_modbus_counts(&meter).good;
}

static uint32_t broken_count(void)
{
    return evse_meter_modbus_counts(&meter).broken;
}

static uint32_t silent_count(void)
{
    return evse_meter_modbus_counts(&meter).silent;
}

static uint32_t opened_count(void)
{
    return evse_meter_modbus_counts(&meter).opened;
}

// True when that many more of them come.
static bool grows(counted_t counted, uint32_t more)
{
    uint32_t before = counted();
    uint64_t end_us = hf_port_now_us() + LIMIT_MS * HF_US_PER_MS;
    while (hf_port_now_us() < end_us && counted() - before < more) {
        nap();
    }
    return counted() - before >= more;
}

static void set_Wh(double value)
{
    line_put_float(&line, 0x48, (float)(value / 1000.0));
}

static bool start(const char *profile)
{
    char text[128];
    evse_meter_modbus_config_t config = {.max_W = 36000000u,
                                         .period_ms = PERIOD_MS}; // 10 kWh a second
    if (!line_open(&line)) {
        printf("note: no ptys on this machine\n");
        return false;
    }
    line_put_float(&line, 0x00, 230.5F);
    line_put_float(&line, 0x46, 50.0F);
    set_Wh(1000000);
    (void)snprintf(text, sizeof text, "%s,9600,8N1,unit=1,profile=%s", line.name, profile);
    CHECK_EQ(evse_meter_modbus_parse(text, &config.spec), 0);
    count = (evse_meter_count_t){0};
    CHECK_EQ(evse_meter_modbus_start(&meter, &config), 0);
    CHECK(comes(HF_OK));
    CHECK_EQ(count.register_mJ, 1000000 * Wh);
    count.session = true;
    return true;
}

static void stop(void)
{
    evse_meter_modbus_stop(&meter);
    line_close(&line);
}

static int32_t measured(unsigned measurand, unsigned phase, int *status)
{
    evse_measured_t out = {0};
    *status = evse_meter_modbus_ops.measure(
        &meter, (evse_quantity_t){(uint8_t)measurand, (uint8_t)phase}, hf_port_now_us(), &out);
    return out.value;
}

static void meter_modbus_counts_what_the_meter_counts(void)
{
    if (!start("eastron-sdm120")) {
        return;
    }
    for (unsigned i = 1; i <= 10; i++) {
        set_Wh(1000000 + i * 1000);
        CHECK(comes_to((1000000 + i * 1000) * Wh));
    }
    int status;
    CHECK_EQ(measured(EVSE_MEASURAND_VOLTAGE, EVSE_PHASE_L1_N, &status), 230500);
    CHECK_EQ(status, 0);
    (void)measured(EVSE_MEASURAND_VOLTAGE, EVSE_PHASE_L2_N, &status);
    CHECK_EQ(status, HF_E_UNSUPPORTED);
    evse_meter_modbus_counts_t counts = evse_meter_modbus_counts(&meter);
    CHECK_EQ(counts.silent + counts.broken, 0);
    CHECK_EQ(counts.opened, 1);
    stop();
}

// Whatever the line does to answers, no value comes of it, and afterwards the register is right.
static void spoilt(line_fault_t fault, counted_t counted)
{
    if (!start("eastron-sdm120")) {
        return;
    }
    line.fault = fault;
    CHECK(grows(counted, 2));
    uint32_t good = good_count();
    set_Wh(1001000);
    CHECK(grows(counted, 2));
    CHECK_EQ(good_count(), good);
    CHECK_EQ(count.register_mJ, 1000000 * Wh);
    line.fault = LINE_GOOD;
    CHECK(comes_to(1001000 * Wh));
    CHECK_EQ(meter.counter.jumps + meter.counter.backs + meter.counter.apart, 0);
    stop();
}

static void meter_modbus_silence_is_told_after_its_age(void)
{
    spoilt(LINE_SILENT, silent_count);
    if (!start("eastron-sdm120")) {
        return;
    }
    line.fault = LINE_SILENT;
    CHECK(comes(HF_E_TIMEOUT));
    int status;
    (void)measured(EVSE_MEASURAND_FREQUENCY, 0, &status);
    CHECK_EQ(status, HF_E_TIMEOUT);
    line.fault = LINE_GOOD;
    CHECK(comes(HF_OK));
    stop();
}

static void meter_modbus_wrong_crc_is_no_reading(void)
{
    spoilt(LINE_CRC, broken_count);
}

static void meter_modbus_exception_is_no_reading(void)
{
    spoilt(LINE_EXCEPTION, broken_count);
}

static void meter_modbus_garbage_is_no_reading(void)
{
    spoilt(LINE_GARBAGE, broken_count);
}

static void meter_modbus_answer_cut_short_is_no_reading(void)
{
    spoilt(LINE_TRUNCATED, silent_count);
}

static void meter_modbus_other_units_answer_is_no_reading(void)
{
    spoilt(LINE_OTHER, broken_count);
}

static void meter_modbus_unplugged_and_back_goes_on(void)
{
    if (!start("eastron-sdm120")) {
        return;
    }
    line.plugged = false;
    CHECK(comes(HF_E_TIMEOUT));
    CHECK_EQ(count.register_mJ, 1000000 * Wh);
    set_Wh(1002000);
    line.plugged = true;
    CHECK(grows(opened_count, 1));
    CHECK(comes_to(1002000 * Wh));
    stop();
}

static void meter_modbus_register_that_begins_anew_counts_on(void)
{
    if (!start("eastron-sdm120")) {
        return;
    }
    set_Wh(0);
    CHECK(grows(good_count, 2));
    for (unsigned i = 0; i < 50; i++) {
        (void)advance();
        nap();
    }
    CHECK_EQ(count.register_mJ, 1000000 * Wh);
    CHECK_EQ(meter.counter.backs, 1);
    set_Wh(500);
    CHECK(comes_to(1000500 * Wh));
    stop();
}

static void meter_modbus_jump_is_refused_while_it_stands(void)
{
    if (!start("eastron-sdm120")) {
        return;
    }
    set_Wh(90000000); // 89 MWh in an instant
    CHECK(comes(HF_E_RANGE));
    CHECK_EQ(count.register_mJ, 1000000 * Wh);
    CHECK_EQ(advance(), HF_E_RANGE);
    count.session = false;
    CHECK(comes(HF_OK));
    CHECK_EQ(count.register_mJ, 1000000 * Wh);
    stop();
}

static void meter_modbus_without_a_line_waits_for_one(void)
{
    evse_meter_modbus_config_t config = {.max_W = 1000u, .period_ms = PERIOD_MS};
    CHECK_EQ(evse_meter_modbus_parse("/nonexistent/tty,profile=pzem-017", &config.spec), 0);
    CHECK_EQ(evse_meter_modbus_start(&meter, &config), 0);
    for (unsigned i = 0; i < 50; i++) {
        CHECK_EQ(advance(), HF_E_TIMEOUT);
        nap();
    }
    evse_meter_modbus_stop(&meter);
    CHECK_EQ(evse_meter_modbus_counts(&meter).opened, 0);
}

static void meter_modbus_spec_is_read_whole(void)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"/dev/ttyS0,profile=pzem-017", 0},
        {"/dev/ttyS0,2400,8E1,unit=247,profile=eastron-sdm120", 0},
        {"/dev/ttyS0,profile=eastron-sdm630,unit=3,19200", 0},
        {"/dev/ttyS0", HF_E_ARGUMENT},
        {"ttyS0,profile=pzem-017", HF_E_FORMAT},
        {"", HF_E_FORMAT},
        {"/dev/ttyS0,,profile=pzem-017", HF_E_FORMAT},
        {"/dev/ttyS0,profile=", HF_E_FORMAT},
        {"/dev/ttyS0,profile=PZEM-017", HF_E_NOT_FOUND},
        {"/dev/ttyS0,unit=0,profile=pzem-017", HF_E_RANGE},
        {"/dev/ttyS0,unit=248,profile=pzem-017", HF_E_RANGE},
        {"/dev/ttyS0,unit=x,profile=pzem-017", HF_E_RANGE},
        {"/dev/ttyS0,9600,8N3,profile=pzem-017", HF_E_FORMAT},
        {"/dev/ttyS0,300,profile=pzem-017", HF_E_FORMAT},
    };
    evse_meter_modbus_spec_t spec;
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        CHECK_EQ(evse_meter_modbus_parse(cases[i].text, &spec), cases[i].status);
    }
    CHECK_EQ(evse_meter_modbus_parse(cases[1].text, &spec), 0);
    CHECK_STR(spec.device, "/dev/ttyS0");
    CHECK_EQ(spec.baud, 2400);
    CHECK_EQ(spec.parity, 'E');
    CHECK_EQ(spec.unit, 247);
    CHECK_EQ(evse_meter_modbus_parse(cases[0].text, &spec), 0);
    CHECK_EQ(spec.baud, 9600);
    CHECK_EQ(spec.unit, 1);
    char longest[200] = "/";
    memset(longest + 1, 'a', 150);
    strcpy(longest + 151, ",profile=pzem-017");
    CHECK_EQ(evse_meter_modbus_parse(longest, &spec), HF_E_TOO_LONG);
}

HF_TEST_MAIN(HF_TEST(meter_modbus_counts_what_the_meter_counts),
             HF_TEST(meter_modbus_silence_is_told_after_its_age),
             HF_TEST(meter_modbus_wrong_crc_is_no_reading),
             HF_TEST(meter_modbus_exception_is_no_reading),
             HF_TEST(meter_modbus_garbage_is_no_reading),
             HF_TEST(meter_modbus_answer_cut_short_is_no_reading),
             HF_TEST(meter_modbus_other_units_answer_is_no_reading),
             HF_TEST(meter_modbus_unplugged_and_back_goes_on),
             HF_TEST(meter_modbus_register_that_begins_anew_counts_on),
             HF_TEST(meter_modbus_jump_is_refused_while_it_stands),
             HF_TEST(meter_modbus_without_a_line_waits_for_one),
             HF_TEST(meter_modbus_spec_is_read_whole))
