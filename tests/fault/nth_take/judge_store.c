// SPDX-License-Identifier: MIT
// The store with the n-th take refused, for every n until a run no longer reaches it: two connectors, readings,
// deliveries, a power cut in mid-session, boots that may be refused. Judged: exactly one START and one STOP for what
// began, what was refused never began, no block left behind, every refusal counted once, and a session begins again
// afterwards. `prog LENGTH:N` replays one run, with LENGTH takes refused from the N-th on.
#include "nth_take.h"
#include "support/store_judge.h"

#define BOOTS_MAX 40u

static world_t w;
static judge_t judge;

static bool is_acceptable(int status)
{
    return status == HF_OK || status == HF_E_FULL;
}

static void expect(bool is_true, const char *what)
{
    if (!is_true) {
        judge_wrong(&judge, what);
    }
}

static void expect_counted(void)
{
    expect(nth_take_is_counted(&w.store.messages), "a refusal was not counted, or more than once");
}

/// Whoever starts the charge point starts it again when it refuses to.
static void boot(void)
{
    int status = world_boot(&w);
    for (unsigned i = 0; i < BOOTS_MAX && status != HF_OK; i++) {
        expect(status == HF_E_FULL, "a boot failed otherwise than by the refusal");
        judge_power_lost(&judge);
        status = world_power_cycle(&w);
    }
    expect(status == HF_OK, "it never booted");
}

static void begin(unsigned connector)
{
    uint32_t refused = nth_take.refused;
    int status = judge_begin(&judge, &w, connector);
    expect(status == (nth_take.refused == refused ? HF_OK : HF_E_FULL), "a begin's status");
    expect(is_acceptable(world_settle(&w)), "settle");
}

static void charge(unsigned connector)
{
    for (unsigned i = 0; i < 3; i++) {
        judge.now_ms += 30000;
        expect(is_acceptable(judge_charge(&judge, &w, connector, 20u * WH)), "a register");
        if (judge.running[connector] != NULL) {
            expect(is_acceptable(judge_meter(&judge, &w, connector, i % 2u == 0)), "a reading");
        }
        expect(world_settle(&w) == HF_OK, "settle");
    }
}

static void end(unsigned connector)
{
    if (judge.running[connector] != NULL) {
        expect(judge_end(&judge, &w, connector, EVSE_STOP_Local) == HF_OK, "an end was refused");
    }
    expect(world_settle(&w) == HF_OK, "settle");
    judge_note_durable(&judge, &w);
}

static void deliver(unsigned most)
{
    expect(judge_tell_clock(&judge, &w) == HF_OK, "the clock");
    expect(world_settle(&w) == HF_OK, "settle");
    expect(judge_deliver(&judge, &w, most, true) == HF_OK, "a delivery");
}

/// In the middle of two sessions; nothing of them is given up.
static void cut_power(void)
{
    judge_note_durable(&judge, &w);
    judge_power_lost(&judge);
    hf_flash_ram_power_off(&w.ram);
    hf_flash_ram_power_on(&w.ram);
    expect_counted();
    boot();
}

/// One run. Returns what is wrong, or NULL.
static const char *play(uint32_t first, uint32_t length)
{
    memset(&judge, 0, sizeof judge);
    memset(&w, 0, sizeof w);
    judge.now_ms = judge.boot_ms = 1000;
    w.segment_bytes = WORLD_BYTES_MAX;
    nth_take_plan(first, length);
    expect(world_init(&w, 2, 4, true) == HF_OK, "flash");
    boot();
    begin(0);
    charge(0);
    begin(1);
    deliver(3);
    charge(1);
    end(0);
    begin(0);
    charge(0);
    cut_power();
    deliver(2);
    begin(0);
    charge(0);
    cut_power();
    begin(1);
    charge(1);
    end(1);
    deliver(JUDGE_MESSAGES_MAX);
    expect_counted();
    uint32_t takes = nth_take.takes, refused = nth_take.refused;
    nth_take_plan(0, 0);
    expect(judge_begin(&judge, &w, 0) == HF_OK, "no session begins any more");
    expect(world_settle(&w) == HF_OK, "settle");
    charge(0);
    end(0);
    deliver(JUDGE_MESSAGES_MAX);
    expect(hf_pool_stats(&w.store.messages).in_use == 0, "a message's block was left behind");
    for (size_t i = 0; i < HF_COUNT_OF(w.store.slot); i++) {
        expect(w.store.slot[i].number == 0, "a transaction was left behind");
    }
    nth_take.takes = takes;
    nth_take.refused = refused;
    return judge_verdict(&judge, &w);
}

static void store_without_refusal_is_judged_good(void)
{
    const char *wrong = play(0, 0);
    CHECK(wrong == NULL);
    CHECK(nth_take.takes > 3); // readings that are not journalled at once
    unsigned begun = 0;
    for (unsigned i = 0; i < judge.sessions; i++) {
        begun += judge.session[i].begun ? 1u : 0u;
    }
    CHECK_EQ(begun, 6);
}

static void store_every_take_refused_in_turn_bills_exactly_once(void)
{
    static const uint32_t lengths[] = {1, 2, 3, 7};
    uint32_t runs = 0;
    for (size_t l = 0; l < HF_COUNT_OF(lengths); l++) {
        for (uint32_t n = 1;; n++) {
            const char *wrong = play(n, lengths[l]);
            if (wrong != NULL) {
                HF_TEST_FAIL("%s; replay: %u:%u", wrong, (unsigned)lengths[l], (unsigned)n);
            }
            if (nth_take.refused == 0) {
                break;
            }
            runs++;
        }
    }
    printf("  %u runs\n", (unsigned)runs);
    CHECK(runs > 15);
}

static int replay(const char *id)
{
    unsigned length = 0, first = 0;
    if (sscanf(id, "%u:%u", &length, &first) != 2) {
        printf("not LENGTH:N\n");
        return 2;
    }
    const char *wrong = play(first, length);
    printf("%s; %u of %u takes refused\n", wrong == NULL ? "good" : wrong,
           (unsigned)nth_take.refused, (unsigned)nth_take.takes);
    return wrong != NULL;
}

int main(int argc, char **argv)
{
    static const hf_test_case_t cases[] = {
        HF_TEST(store_without_refusal_is_judged_good),
        HF_TEST(store_every_take_refused_in_turn_bills_exactly_once)};
    if (argc > 1 && strchr(argv[1], ':') != NULL) {
        return replay(argv[1]);
    }
    return hf_test_run(cases, HF_COUNT_OF(cases), argc > 1 ? argv[1] : NULL);
}
