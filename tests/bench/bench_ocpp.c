// SPDX-License-Identifier: MIT
// What OCPP costs: the real comms core and store in stepped time, with a central system in the same process. Run
// natively it counts
// appends, bytes and heap calls; run under callgrind, which collects inside evse_ocpp_poll() and not inside the
// fixture's link
// (tools/bench/ocpp.py says how), the difference of two runs is instructions. Everything is printed as "name unit value".
#include "support/ocpp_station.h"

#include <stdlib.h>

#define POLL_US   50000u // 20 rounds a reading of one second
#define SESSION_S 1800u  // the transaction of the issue: 30 minutes, 5 readings
#define READING_S 300u
#define ROUNDS_EACH                                                                                \
    6u // polled around each thing that happens: what is due, its answer, what follows
#define CHECKPOINT_BYTES 32u

// ---- heap: every call of the family, while the station works ---------------------------------------------------------

static unsigned heap_calls;
static bool is_polling;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_malloc(size_t size)
{
    heap_calls += is_polling;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    heap_calls += is_polling;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    heap_calls += is_polling;
    return __real_realloc(block, size);
}

// ---- stepping --------------------------------------------------------------------------------------------------------

static void poll_once(station_t *s, uint64_t step_us)
{
    s->now_us += step_us;
    station_control_round(s);
    s->call_count = 0; // what was sent is not looked at here
    is_polling = true;
    evse_ocpp_poll(&s->ocpp, s->now_us);
    is_polling = false;
}

static void poll_for(station_t *s, uint64_t us)
{
    for (uint64_t end_us = s->now_us + us; s->now_us < end_us;) {
        poll_once(s, POLL_US);
    }
}

static void poll_rounds(station_t *s, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        poll_once(s, 20000u);
    }
}

static void set_key(station_t *s, const char *key, const char *value)
{
    if (evse_ocpp_set_key(&s->ocpp, key, value) != HF_OK) {
        fprintf(stderr, "bench_ocpp: %s cannot be set to %s\n", key, value);
        exit(1);
    }
}

static void need(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench_ocpp: %s\n", what);
        exit(1);
    }
}

static station_t *boot(const char *sample_interval_s)
{
    station_t *s = station_online(1);
    set_key(s, "MeterValueSampleInterval", sample_interval_s);
    set_key(s, "AuthorizeRemoteTxRequests", "true");
    s->control[0].mW = 2900000;
    return s;
}

// ---- what is measured ------------------------------------------------------------------------------------------------

static void run_idle(unsigned rounds)
{
    station_t *s = boot("0");
    poll_for(s, 5000000u);
    poll_rounds(s, rounds);
}

static void run_meter_values(unsigned readings)
{
    station_t *s = boot("1");
    station_start(s);
    poll_for(s, 2000000u);
    uint32_t sent = s->ocpp.rpc.calls_sent;
    poll_for(s, readings * UINT64_C(1000000));
    need(s->ocpp.rpc.calls_sent - sent == readings, "one MeterValues a second was expected");
}

// Authorize, StartTransaction, 5 MeterValues, StopTransaction and the statuses between; polled when something happens,
// as the peer
// was measured: some 60 rounds in all.
static void run_transaction(unsigned sessions)
{
    station_t *s = boot("300");
    for (unsigned i = 0; i < sessions; i++) {
        uint32_t stopped = s->ocpp.sessions_ended;
        s->control[0].plugged = true;
        poll_rounds(s, ROUNDS_EACH);
        need(evse_ocpp_present_tag(&s->ocpp, 0, "CARD-1", s->now_us) == HF_OK,
             "the card was refused");
        poll_rounds(s, 2u * ROUNDS_EACH);
        for (unsigned reading = 0; reading < SESSION_S / READING_S - 1u; reading++) {
            s->now_us += READING_S * UINT64_C(1000000);
            poll_rounds(s, ROUNDS_EACH);
        }
        need(evse_ocpp_present_tag(&s->ocpp, 0, "CARD-1", s->now_us) == HF_OK,
             "the card does not stop");
        poll_rounds(s, 2u * ROUNDS_EACH);
        s->control[0].plugged = false;
        poll_rounds(s, ROUNDS_EACH);
        need(s->ocpp.sessions_ended == stopped + 1u && evse_store_next(&s->store) == NULL,
             "a session was not delivered");
    }
}

// ---- appends: the same session, every 20 ms, seen at the flash -------------------------------------------------------

typedef struct tally {
    const hf_flash_ops_t *ops;
    uint32_t appends, bytes, checkpoints, checkpoint_bytes_max;
    uint32_t left; // of the record under way
} tally_t;

static tally_t tally;
static hf_flash_ops_t tally_ops;

// A record begins with its type, version and length (docs/SPEC.md, "Journal"); what does not fit one program follows
// in others.
static int tally_program(void *ctx, uint32_t segment, uint32_t offset, const void *data,
                         uint32_t length)
{
    const uint8_t *bytes = data;
    if (tally.left == 0u) {
        uint32_t record = hf_journal_record_bytes(&station_storage.store.journal,
                                                  (uint32_t)bytes[2] | (uint32_t)bytes[3] << 8);
        if (bytes[0] == 4u) { // REGISTER
            tally.checkpoints++;
            tally.checkpoint_bytes_max =
                record > tally.checkpoint_bytes_max ? record : tally.checkpoint_bytes_max;
        } else {
            tally.appends++;
            tally.bytes += record;
        }
        tally.left = record;
    }
    tally.left -= length < tally.left ? length : tally.left;
    return tally.ops->program(ctx, segment, offset, data, length);
}

static void print(const char *name, const char *unit, unsigned long value)
{
    printf("%s %s %lu\n", name, unit, value);
}

static void run_appends(void)
{
    station_t *s = boot("300");
    poll_for(s, 2000000u);
    tally.ops = s->store.journal.flash.ops;
    tally_ops = *tally.ops;
    tally_ops.program = tally_program;
    s->store.journal.flash.ops = &tally_ops;
    s->control[0].plugged = true;
    station_run(s, 1000);
    need(evse_ocpp_present_tag(&s->ocpp, 0, "CARD-1", s->now_us) == HF_OK, "the card was refused");
    for (unsigned i = 0; i < SESSION_S; i++) {
        s->call_count = 0;
        station_run(s, 1000);
    }
    need(evse_ocpp_present_tag(&s->ocpp, 0, "CARD-1", s->now_us) == HF_OK,
         "the card does not stop");
    station_run(s, 2000);
    s->control[0].plugged = false;
    station_run(s, 2000);
    need(s->ocpp.sessions_ended == 1u && evse_store_next(&s->store) == NULL,
         "the session was not delivered");
    print("appends", "records", tally.appends);
    print("bytes", "B", tally.bytes);
    print("checkpoints", "records", tally.checkpoints);
    print("checkpoint", "B", tally.checkpoint_bytes_max);
    print("session", "Wh", (unsigned long)s->ocpp.last_session_Wh);
}

// ---- offline: how many sessions a flash takes while nobody listens ---------------------------------------------------

static void run_offline(const char *name, uint32_t segment_bytes)
{
    static uint8_t memory[1u << 20];
    static evse_store_t store;
    hf_flash_ram_t ram;
    const hf_flash_ram_config_t config = {
        .memory = memory, .segment_bytes = segment_bytes, .segment_count = 2, .program_bytes = 4};
    need(hf_flash_ram_init(&ram, &config) == HF_OK, "no flash");
    const hf_flash_t flash = hf_flash_ram_seam(&ram);
    const evse_store_config_t store_config = {.flash = &flash, .station_nonce = 1, .connectors = 1};
    need(evse_store_open(&store, &store_config) == HF_OK, "the store does not open");
    uint64_t mJ = 0;
    unsigned sessions = 0;
    for (; sessions < 100000u; sessions++) {
        evse_moment_t at = {.boot = store.boot, .since_boot_ms = sessions * UINT64_C(1800000)};
        const evse_begin_t begin = {.id_tag = "0123456789ABCDEF0123",
                                    .register_mJ = mJ,
                                    .at = at,
                                    .reservation_id = EVSE_RESERVATION_NONE};
        if (evse_store_begin(&store, 0, &begin) != HF_OK) {
            break;
        }
        for (unsigned i = 0; i < 5u; i++) {
            at.since_boot_ms += READING_S * UINT64_C(1000);
            mJ += UINT64_C(3600000) * 250u;
            evse_message_t reading = {.at = at, .register_Wh = mJ / 3600000u, .samples = 7};
            (void)!evse_store_meter(&store, 0, &reading, true);
        }
        need(evse_store_end(&store, 0, EVSE_STOP_Local, NULL, mJ, at) == HF_OK,
             "an end was refused");
        (void)evse_store_poll(&store, at.since_boot_ms * 1000u);
    }
    print(name, "sessions", sessions);
}

int main(int count, char **words)
{
    unsigned number = count > 2 ? (unsigned)strtoul(words[2], NULL, 10) : 0u;
    const char *what = count > 1 ? words[1] : "";
    if (strcmp(what, "idle") == 0) {
        run_idle(number);
    } else if (strcmp(what, "metervalues") == 0) {
        run_meter_values(number);
    } else if (strcmp(what, "transaction") == 0) {
        run_transaction(number);
        print("heap", "calls", heap_calls);
    } else if (strcmp(what, "appends") == 0) {
        run_appends();
    } else if (strcmp(what, "offline") == 0) {
        run_offline("offline.1m", 1u << 19);
        run_offline("offline.64k", 1u << 15);
    } else {
        fprintf(stderr,
                "Usage: bench_ocpp idle N | metervalues N | transaction N | appends | offline\n");
        return 2;
    }
    return hf_test_failed_here == 0 ? 0 : 1;
}
