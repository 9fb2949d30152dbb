// SPDX-License-Identifier: MIT
// Rot in the journal of a charge point: a day of two connectors, stopped at each step of it; in each byte of the journal one
// bit or all eight turn, and the station boots. It always starts, bills nothing twice, loses no more than the session that
// was hit, and goes on. And each record of a session lost by itself: what becomes of the bill.
#include "hf_test.h"
#include "support/store_world.h"

#define SESSIONS_MAX  24u
#define MESSAGES_MAX  128u
#define TRANSACTION_0 500
#define EPOCH_MS      1700000000000ull

typedef struct session {
    uint64_t start_Wh, true_Wh; // of the register, while it ran or at its end
    bool is_ended;
} session_t;

typedef struct message {
    char id[EVSE_MESSAGE_ID_BYTES];
    evse_message_t message;
    int32_t transaction_id; // that it carried; of a START: that the answer gave
    char tag[EVSE_ID_TAG_BYTES];
} message_t;

/// What outlives a reboot: the meters, the central system.
typedef struct outside {
    session_t session[SESSIONS_MAX];
    unsigned sessions;
    unsigned running[CONFIG_EVSE_CONNECTORS_MAX]; // 1 and more
    uint64_t Wh[CONFIG_EVSE_CONNECTORS_MAX];
    message_t message[MESSAGES_MAX];
    unsigned messages;
    uint64_t now_ms;
    const char *wrong;
} outside_t;

static world_t w;
static outside_t out;

static void wrong(const char *what)
{
    out.wrong = out.wrong == NULL ? what : out.wrong;
}

static evse_moment_t now(void)
{
    out.now_ms += 700;
    return world_at(&w, out.now_ms);
}

// ---- the charger --------------------------------------------------------------------------------

static void begin(unsigned connector)
{
    char tag[] = "TAG-A";
    tag[4] = (char)('A' + out.sessions);
    int status = world_begin(&w, connector, tag, out.Wh[connector] * WH, now());
    if (status != HF_OK || out.sessions == SESSIONS_MAX) {
        wrong("no session begins");
        return;
    }
    out.session[out.sessions] = (session_t){.start_Wh = out.Wh[connector]};
    out.session[out.sessions].true_Wh = out.Wh[connector];
    out.running[connector] = ++out.sessions;
    (void)world_settle(&w);
}

static void charge(unsigned connector, uint64_t Wh)
{
    out.Wh[connector] += Wh;
    out.session[out.running[connector] - 1u].true_Wh = out.Wh[connector];
    if (evse_store_register(&w.store, connector, out.Wh[connector] * WH, now().since_boot_ms * 1000,
                            true) < 0) {
        wrong("a checkpoint was refused");
    }
    (void)world_settle(&w);
}

static void meter(unsigned connector)
{
    const evse_message_t sample = {.at = now(),
                                   .register_Wh = out.Wh[connector],
                                   .samples = 2,
                                   .sample = {{1, 0, 300}, {2, 1, 8}}};
    if (evse_store_meter(&w.store, connector, &sample, true) < 0) {
        wrong("a reading was refused");
    }
}

static void end(unsigned connector)
{
    if (evse_store_end(&w.store, connector, EVSE_STOP_Local, NULL, out.Wh[connector] * WH, now()) <
        0) {
        wrong("no session ends");
    }
    out.session[out.running[connector] - 1u].is_ended = true;
    out.running[connector] = 0;
    (void)world_settle(&w);
}

// ---- the central system -------------------------------------------------------------------------

static int32_t take(const evse_message_t *message)
{
    message_t read;
    memset(&read, 0, sizeof read);
    const evse_transaction_t *transaction = evse_store_transaction(&w.store, message->transaction);
    evse_store_id_text(&w.store, message->id, read.id);
    read.message = *message;
    read.message.attempts = 0;
    read.transaction_id = message->kind == EVSE_MESSAGE_START || transaction == NULL
                              ? EVSE_TRANSACTION_ID_UNKNOWN
                              : transaction->transaction_id;
    if (message->kind == EVSE_MESSAGE_START && transaction != NULL) {
        memcpy(read.tag, transaction->id_tag, sizeof read.tag);
    }
    for (unsigned i = 0; i < out.messages; i++) {
        const message_t *known = &out.message[i];
        if (strcmp(known->id, read.id) == 0) { // known: once more, and the same
            if (known->message.kind != message->kind ||
                known->message.transaction != message->transaction ||
                known->message.register_Wh != message->register_Wh) {
                wrong("an id was used twice");
            }
            return known->transaction_id;
        }
    }
    if (out.messages == MESSAGES_MAX) {
        wrong("more messages than the test can hold");
        return 0;
    }
    if (message->kind == EVSE_MESSAGE_START) {
        read.transaction_id = TRANSACTION_0 + (int32_t)out.messages;
    }
    out.message[out.messages++] = read;
    return read.transaction_id;
}

static void deliver(unsigned most)
{
    for (unsigned i = 0; i < most; i++) {
        (void)world_settle(&w);
        const evse_message_t *message = evse_store_next(&w.store);
        if (message == NULL) {
            return;
        }
        if (evse_store_confirm(&w.store, take(message)) != HF_OK) {
            wrong("a confirmation was refused");
        }
    }
    (void)world_settle(&w);
}

static void tell_clock(void)
{
    if (evse_store_set_clock(&w.store, EPOCH_MS) < 0) {
        wrong("the clock was refused");
    }
    (void)world_settle(&w);
}

static unsigned count(unsigned kind, const char *tag, int32_t transaction_id, uint64_t *Wh)
{
    unsigned found = 0;
    for (unsigned i = 0; i < out.messages; i++) {
        const message_t *message = &out.message[i];
        bool is_it = message->message.kind == kind &&
                     (tag == NULL || strcmp(message->tag, tag) == 0) &&
                     (tag != NULL || message->transaction_id == transaction_id);
        if (is_it) {
            found++;
            *Wh = message->message.register_Wh;
        }
    }
    return found;
}

/// True when a session was billed whole; what cannot be, is wrong.
static bool is_billed(unsigned i)
{
    const session_t *session = &out.session[i];
    char tag[] = "TAG-A";
    tag[4] = (char)('A' + i);
    uint64_t start_Wh = 0, stop_Wh = 0;
    int32_t id = EVSE_TRANSACTION_ID_UNKNOWN;
    unsigned starts = count(EVSE_MESSAGE_START, tag, 0, &start_Wh), stops = 0;
    for (unsigned m = 0; m < out.messages; m++) {
        id = strcmp(out.message[m].tag, tag) == 0 ? out.message[m].transaction_id : id;
    }
    if (starts > 0) {
        stops = count(EVSE_MESSAGE_STOP, NULL, id, &stop_Wh);
    }
    if (starts > 1 || stops > 1) {
        wrong(starts > 1 ? "two STARTs" : "two STOPs");
    }
    if ((starts > 0 && start_Wh != session->start_Wh) ||
        (stops > 0 && (stop_Wh < start_Wh || stop_Wh > session->true_Wh))) {
        wrong("a meter value that never was");
    }
    return starts == 1 && stops == 1 && stop_Wh == session->true_Wh;
}

static unsigned not_billed(void)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < out.sessions; i++) {
        sum += is_billed(i) ? 0u : 1u;
    }
    return sum;
}

// ---- the day ------------------------------------------------------------------------------------

#define STEPS 33u

static void day_step(unsigned step)
{
    static const uint8_t Wh[2] = {70, 30};
    switch (step) {
    case 1:
    case 12:
    case 20:
    case 25:
        begin(0);
        break;
    case 5:
    case 17:
        begin(1);
        break;
    case 2:
    case 8:
    case 13:
    case 21:
    case 26:
        charge(0, Wh[0]);
        break;
    case 6:
    case 18:
        charge(1, Wh[1]);
        break;
    case 3:
    case 14:
    case 27:
        meter(0);
        break;
    case 7:
    case 9:
    case 19:
        meter(1);
        break;
    case 4: // the START, and its reading
        deliver(2);
        break;
    case 10:
    case 15:
    case 22:
        end(0);
        break;
    case 11:
    case 24:
        end(1);
        break;
    case 16:
        tell_clock();
        deliver(1);
        break;
    case 23:
        deliver(5);
        break;
    case 28:
        charge(0, 10);
        deliver(3);
        break;
    case 29:
        deliver(30);
        break;
    case 30:
        charge(0, 20);
        break;
    case 31:
        end(0);
        break;
    case 32:
        deliver(30);
        break;
    default:
        break;
    }
}

static void set_up(void)
{
    memset(&w, 0, sizeof w);
    memset(&out, 0, sizeof out);
    w.segment_bytes = 4096;
    CHECK_EQ(world_init(&w, 2, 1, false), HF_OK);
    CHECK_EQ(world_boot(&w), HF_OK);
    tell_clock();
}

/// Sessions that ran end with the power: what was drawn up to the last checkpoint is what is billed. What is wrong, or NULL.
static const char *restart_and_serve(unsigned *ends)
{
    memset(out.running, 0, sizeof out.running);
    if (world_power_cycle(&w) != HF_OK) {
        return "it does not start";
    }
    bool is_prefix = w.store.journal.stranded > 0; // as it always was: what follows is lost
    *ends += is_prefix ? 1u : 0u;
    for (unsigned round = 0; round < 3; round++) { // what is left, and two more lives
        tell_clock();
        deliver(100);
        if (evse_store_waiting(&w.store) > 0) {
            return "not everything was delivered";
        }
        for (unsigned c = 0; round < 2 && c < w.connectors; c++) {
            out.Wh[c] += 1000; // its meter may have gone on
            begin(c);
            charge(c, 5);
            end(c);
        }
        if (world_power_cycle(&w) != HF_OK) {
            return "it does not start again";
        }
    }
    unsigned lost = not_billed();
    return out.wrong != NULL && !is_prefix ? out.wrong
           : lost > 1 && !is_prefix        ? "more than one session was lost"
                                           : NULL;
}

static void store_rot_in_any_byte_costs_one_session_at_most(void)
{
    static world_t before;
    static outside_t out_before;
    unsigned trials = 0, ends = 0;
    set_up();
    if (w.connectors < 2) {
        return;
    }
    for (unsigned step = 1; step < STEPS; step++) {
        day_step(step);
        CHECK(out.wrong == NULL);
        before = w;
        out_before = out;
        uint32_t base = w.store.journal.segment * w.segment_bytes, end = w.store.journal.offset;
        for (uint32_t at = 32; at < end; at++) {
            bool is_bit = (at + step) % 2u == 0;
            w.memory[base + at] ^= (uint8_t)(is_bit ? 1u << (at / 2u % 8u) : 0xFFu);
            const char *verdict = restart_and_serve(&ends);
            trials++;
            if (verdict != NULL) {
                HF_TEST_FAIL("%s; replay: step %u, byte %u", verdict, step, (unsigned)at);
                return;
            }
            memcpy(w.memory, before.memory, 2u * WORLD_SEGMENT_BYTES);
            out = out_before;
        }
        w = before;
    }
    printf("  %u trials, in %u the damage looked like a torn tail\n", trials, ends);
    CHECK(trials > 25000 && ends < trials / 50u);
}

// ---- each record of a session, lost by itself -----------------------------------------------------------------------

enum { BOOT = 1, REGISTER = 4, START = 5, METER = 6, STOP = 7, DONE = 8 };

/// Turns a bit in the `which`-th record of a type in the current segment, from 0; false there is none.
static bool lose(uint8_t type, unsigned which)
{
    uint32_t base = w.store.journal.segment * w.segment_bytes;
    uint32_t at = 32;
    while (at < w.store.journal.offset) {
        uint32_t length = w.memory[base + at + 2u] | (uint32_t)w.memory[base + at + 3u] << 8;
        if (w.memory[base + at] == type && which-- == 0) {
            w.memory[base + at + 8u] ^= 4u;
            return true;
        }
        at += hf_journal_record_bytes(&w.store.journal, length);
    }
    return false;
}

static void boot_with_a_hole(void)
{
    memset(out.running, 0, sizeof out.running);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    CHECK_EQ(w.store.journal.holes, 1);
    CHECK_EQ(w.store.journal.stranded, 0);
    CHECK(w.store.unreadable >= 1);
    tell_clock();
}

static void a_session(uint64_t Wh)
{
    begin(0);
    charge(0, Wh);
    end(0);
}

static void check_all_billed_but(unsigned lost)
{
    deliver(100);
    CHECK_EQ(evse_store_waiting(&w.store), 0);
    CHECK_EQ(not_billed(), lost);
    CHECK(out.wrong == NULL);
}

static void store_lost_stop_is_made_of_the_start_behind_it(void)
{
    for (unsigned delivered = 0; delivered < 2; delivered++) {
        set_up();
        a_session(100);
        deliver(delivered); // its START, or nothing
        a_session(50);
        REQUIRE(lose(STOP, 0));
        boot_with_a_hole();
        REQUIRE(world_power_cycle(&w) == HF_OK); // the same again, out of what a dump tells
        tell_clock();
        CHECK_EQ(world_queue_length(&w), delivered == 0 ? 4 : 3);
        const evse_message_t stop = world_peek(&w, delivered == 0 ? 1 : 0);
        CHECK_EQ(stop.kind, EVSE_MESSAGE_STOP);
        CHECK_EQ(stop.register_Wh, 100);
        CHECK_EQ(stop.reason, EVSE_STOP_Other);
        check_all_billed_but(0);
    }
}

static void store_lost_stop_of_the_last_session_is_made_at_boot(void)
{
    set_up();
    a_session(100);
    deliver(1);
    CHECK_EQ(evse_store_set(&w.store, "a", "b"), HF_OK); // something behind it
    REQUIRE(lose(STOP, 0));
    boot_with_a_hole();
    CHECK_EQ(w.store.recovered, 1);
    CHECK_EQ(world_last(&w).register_Wh, 100); // the last checkpoint's
    check_all_billed_but(0);
}

static void store_lost_stop_that_was_confirmed_is_not_made_again(void)
{
    for (unsigned sessions = 1; sessions <= 2; sessions++) {
        set_up();
        a_session(100);
        deliver(2);
        if (sessions == 2) {
            a_session(50);
        }
        REQUIRE(lose(STOP, 0));
        boot_with_a_hole();
        CHECK_EQ(w.store.recovered, 0);
        check_all_billed_but(0);
    }
}

static void store_lost_reading_that_was_confirmed_ends_no_session(void)
{
    for (unsigned after = 0; after < 3; after++) {
        set_up();
        begin(0);
        charge(0, 10);
        meter(0);
        deliver(2); // the START and the reading
        if (after == 0) {
            meter(0);
        } else { // the vehicle draws on, or does not
            charge(0, after == 1 ? 10 : 0);
        }
        REQUIRE(lose(METER, 0));
        boot_with_a_hole();
        CHECK_EQ(w.store.recovered, 1);
        check_all_billed_but(0);
    }
}

static void store_lost_confirmation_is_told_by_a_later_one(void)
{
    for (unsigned which = 0; which < 4; which++) {
        set_up();
        a_session(100);
        a_session(50);
        deliver(4);
        unsigned messages = out.messages;
        REQUIRE(lose(DONE, which) || which == 3);
        memset(out.running, 0, sizeof out.running);
        REQUIRE(world_power_cycle(&w) == HF_OK);
        tell_clock();
        CHECK_EQ(world_queue_length(&w),
                 which == 3 ? 1 : 0); // the last of all: once more, the same
        check_all_billed_but(0);
        CHECK_EQ(out.messages, messages);
    }
}

static void store_lost_confirmation_gives_the_id_with_the_next(void)
{
    set_up();
    begin(0);
    charge(0, 10);
    meter(0);
    deliver(2);
    REQUIRE(lose(DONE, 0)); // of the START: the reading's tells the id, too
    boot_with_a_hole();
    CHECK_EQ(w.store.recovered, 1);
    check_all_billed_but(0);
}

static void store_lost_start_costs_its_session(void)
{
    for (unsigned delivered = 0; delivered < 2; delivered++) {
        for (unsigned ended = 0; ended < 2; ended++) {
            set_up();
            begin(0);
            charge(0, 10);
            deliver(delivered);
            meter(0);
            if (ended == 1) {
                end(0);
            }
            REQUIRE(lose(START, 0));
            boot_with_a_hole();
            CHECK_EQ(w.store.recovered, 1u - ended); // the reading tells of it
            check_all_billed_but(1u - delivered);    // delivered: its confirmation told the id
            a_session(20);
            check_all_billed_but(1u - delivered);
        }
    }
}

static void store_lost_checkpoint_costs_its_energy_at_most(void)
{
    set_up();
    begin(0);
    charge(0, 10);
    charge(0, 20);
    meter(0);
    REQUIRE(lose(REGISTER, 1));
    boot_with_a_hole();
    CHECK_EQ(world_last(&w).register_Wh, 30); // the reading has it
    check_all_billed_but(0);
    set_up();
    begin(0);
    charge(0, 10);
    charge(0, 20);
    CHECK_EQ(evse_store_set(&w.store, "a", "b"), HF_OK);
    REQUIRE(lose(REGISTER, 1));
    boot_with_a_hole();
    CHECK_EQ(world_last(&w).kind, EVSE_MESSAGE_STOP);
    CHECK_EQ(world_last(&w).register_Wh, 10);
    check_all_billed_but(1);
}

static void store_lost_boot_uses_no_id_twice(void)
{
    set_up();
    REQUIRE(world_power_cycle(&w) == HF_OK);
    uint32_t boot = w.store.boot; // nothing else tells of it
    CHECK_EQ(evse_store_set(&w.store, "a", "b"), HF_OK);
    REQUIRE(lose(BOOT, 1));
    boot_with_a_hole();
    CHECK(w.store.boot > boot);
    a_session(10);
    check_all_billed_but(0);
}

static void store_boots_again_on_what_a_repair_has_dumped(void)
{
    set_up(); // two STARTs, and what the first was given
    begin(0);
    meter(0);
    deliver(1);
    end(0);
    begin(0);
    meter(0);
    REQUIRE(lose(START, 0) && lose(START, 1));
    REQUIRE(world_power_cycle(&w) == HF_OK);
    CHECK_EQ(w.store.journal.holes, 2);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    CHECK_EQ(w.store.journal.holes, 0);
    tell_clock();
    deliver(100);
    CHECK_EQ(evse_store_waiting(&w.store), 0);
    CHECK_EQ(world_power_cycle(&w), HF_OK);
}

static void store_confirmation_of_a_made_stop_outlives_what_made_it(void)
{
    set_up();
    if (w.connectors < 2) {
        return;
    }
    begin(0);
    meter(0);
    begin(1);
    deliver(3);
    end(0);
    begin(0);
    REQUIRE(lose(START, 0) && lose(STOP, 0) && lose(DONE, 0) && lose(DONE, 1));
    REQUIRE(world_power_cycle(&w) == HF_OK);
    tell_clock();
    CHECK_EQ(world_peek(&w, 0).kind, EVSE_MESSAGE_STOP);
    deliver(1); // made of the START behind it
    CHECK_EQ(world_peek(&w, 0).kind, EVSE_MESSAGE_START);
    unsigned waiting = world_queue_length(&w);
    REQUIRE(world_power_cycle(&w) == HF_OK);
    CHECK_EQ(world_queue_length(&w), waiting); // that START waits on
    CHECK_EQ(world_peek(&w, 0).kind, EVSE_MESSAGE_START);
}

HF_TEST_MAIN(HF_TEST(store_rot_in_any_byte_costs_one_session_at_most),
             HF_TEST(store_lost_stop_is_made_of_the_start_behind_it),
             HF_TEST(store_lost_stop_of_the_last_session_is_made_at_boot),
             HF_TEST(store_lost_stop_that_was_confirmed_is_not_made_again),
             HF_TEST(store_lost_reading_that_was_confirmed_ends_no_session),
             HF_TEST(store_lost_confirmation_is_told_by_a_later_one),
             HF_TEST(store_lost_confirmation_gives_the_id_with_the_next),
             HF_TEST(store_lost_start_costs_its_session),
             HF_TEST(store_lost_checkpoint_costs_its_energy_at_most),
             HF_TEST(store_lost_boot_uses_no_id_twice),
             HF_TEST(store_boots_again_on_what_a_repair_has_dumped),
             HF_TEST(store_confirmation_of_a_made_stop_outlives_what_made_it))
