// SPDX-License-Identifier: MIT
// The limit on guesses of the portal's password, on a clock of its own.
#include "src/service/portal/portal_guess.c" // NOLINT(bugprone-suspicious-include)

#include "hf_test.h"

#define START_US  (1000u * HF_US_PER_S)
#define OWNER     0x0100007Fu
#define STRANGER  0x0200007Fu
#define DAY_S     86400u
#define PER_DAY   1370u // 11 at once, one in 64 s
#define DOUBLINGS 7u    // 1 to 64 s

static uint64_t guess_wrong(portal_guess_t *guess, unsigned times, uint64_t now_us)
{
    for (unsigned i = 0; i < times; i++) {
        now_us += portal_guess_wait_s(guess, STRANGER, now_us) * HF_US_PER_S;
        portal_guess_note(guess, STRANGER, false, now_us);
    }
    return now_us;
}

static void portal_guess_five_wrong_ones_cost_nothing(void)
{
    portal_guess_t guess = {0};
    CHECK_EQ(portal_guess_wait_s(&guess, STRANGER, START_US), 0);
    CHECK_EQ(guess_wrong(&guess, PORTAL_GUESSES_FREE - 1u, START_US), START_US);
    CHECK_EQ(portal_guess_wait_s(&guess, STRANGER, START_US), 0);
    portal_guess_note(&guess, STRANGER, false, START_US);
    CHECK_EQ(portal_guess_wait_s(&guess, STRANGER, START_US), 1);
    CHECK_EQ(portal_guess_wait_s(&guess, OWNER, START_US), 1); // whoever it is
    CHECK_EQ(portal_guess_wait_s(&guess, STRANGER, START_US + 1u), 1);
    CHECK_EQ(portal_guess_wait_s(&guess, STRANGER, START_US + HF_US_PER_S), 0);
}

static void portal_guess_wait_doubles_up_to_its_bound(void)
{
    portal_guess_t guess = {0};
    uint64_t now_us = guess_wrong(&guess, PORTAL_GUESSES_FREE, START_US);
    for (uint32_t i = 0, wait_s = 1; i < DOUBLINGS; i++, wait_s *= 2u) {
        CHECK_EQ(portal_guess_wait_s(&guess, STRANGER, now_us), wait_s);
        now_us = guess_wrong(&guess, 1, now_us);
    }
    for (unsigned i = 0; i < 100; i++) {
        CHECK_EQ(portal_guess_wait_s(&guess, STRANGER, now_us), PORTAL_GUESS_WAIT_MAX_S);
        now_us = guess_wrong(&guess, 1, now_us);
    }
}

static void portal_guess_day_of_guessing_is_bounded(void)
{
    portal_guess_t guess = {0};
    unsigned tries = 0;
    for (uint64_t s = 0; s < DAY_S; s++) { // from a new address each time, and the owner looks in
        uint64_t now_us = START_US + s * HF_US_PER_S;
        uint32_t address = STRANGER + (uint32_t)(s << 24u);
        portal_guess_note(&guess, OWNER, true, now_us);
        while (portal_guess_wait_s(&guess, address, now_us) == 0 && address != OWNER) {
            portal_guess_note(&guess, address, false, now_us);
            tries++;
        }
    }
    CHECK(tries > DAY_S / PORTAL_GUESS_WAIT_MAX_S);
    CHECK(tries <= PER_DAY);
}

static void portal_guess_known_address_does_not_wait(void)
{
    portal_guess_t guess = {0};
    portal_guess_note(&guess, OWNER, true, START_US);
    uint64_t now_us = guess_wrong(&guess, 20, START_US);
    CHECK_EQ(portal_guess_wait_s(&guess, STRANGER, now_us), PORTAL_GUESS_WAIT_MAX_S);
    CHECK_EQ(portal_guess_wait_s(&guess, OWNER, now_us), 0);
    portal_guess_note(&guess, OWNER, true, now_us); // opens nothing for others
    CHECK_EQ(portal_guess_wait_s(&guess, STRANGER, now_us), PORTAL_GUESS_WAIT_MAX_S);
    portal_guess_note(&guess, OWNER, false, now_us);
    CHECK_EQ(portal_guess_wait_s(&guess, OWNER, now_us), PORTAL_GUESS_WAIT_MAX_S);
}

static void portal_guess_oldest_known_address_gives_way(void)
{
    portal_guess_t guess = {0};
    for (uint32_t i = 0; i <= PORTAL_GUESS_KNOWN; i++) {
        portal_guess_note(&guess, OWNER + i, true, START_US);
        portal_guess_note(&guess, OWNER + i, true, START_US); // takes one place
    }
    uint64_t now_us = guess_wrong(&guess, 20, START_US + HF_US_PER_S);
    CHECK_EQ(portal_guess_wait_s(&guess, OWNER, now_us), PORTAL_GUESS_WAIT_MAX_S);
    for (uint32_t i = 1; i <= PORTAL_GUESS_KNOWN; i++) {
        CHECK_EQ(portal_guess_wait_s(&guess, OWNER + i, now_us), 0);
    }
}

static void portal_guess_address_that_is_not_known_stays_so(void)
{
    portal_guess_t guess = {0};
    portal_guess_note(&guess, 0, true, START_US);
    uint64_t now_us = guess_wrong(&guess, 20, START_US);
    CHECK_EQ(portal_guess_wait_s(&guess, 0, now_us), PORTAL_GUESS_WAIT_MAX_S);
}

static void portal_guess_wrong_ones_are_forgotten(void)
{
    portal_guess_t guess = {0};
    const uint64_t period_us = PORTAL_GUESS_FORGET_S * HF_US_PER_S;
    uint64_t now_us = guess_wrong(&guess, PORTAL_GUESSES_FREE + 3u, START_US);
    CHECK_EQ(portal_guess_wait_s(&guess, STRANGER, now_us), 8);
    now_us = guess_wrong(&guess, 1, now_us + 2u * period_us); // 8 less 2, and this one
    CHECK_EQ(portal_guess_wait_s(&guess, STRANGER, now_us), 4);
    now_us = guess_wrong(&guess, 1, now_us + 1000u * period_us);
    CHECK_EQ(portal_guess_wait_s(&guess, STRANGER, now_us), 0);
    CHECK_EQ(guess.wrong, 1);
}

HF_TEST_MAIN(HF_TEST(portal_guess_five_wrong_ones_cost_nothing),
             HF_TEST(portal_guess_wait_doubles_up_to_its_bound),
             HF_TEST(portal_guess_day_of_guessing_is_bounded),
             HF_TEST(portal_guess_known_address_does_not_wait),
             HF_TEST(portal_guess_oldest_known_address_gives_way),
             HF_TEST(portal_guess_address_that_is_not_known_stays_so),
             HF_TEST(portal_guess_wrong_ones_are_forgotten))
