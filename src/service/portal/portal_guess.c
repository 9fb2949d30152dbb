// SPDX-License-Identifier: MIT
// The limit on guesses (portal_guess.h). Address 0 is nobody's: it is never known.
#include "portal_guess.h"

#include "holdfast/hf_clock.h"

/// PORTAL_GUESS_KNOWN: it is not known.
static unsigned find_known(const portal_guess_t *guess, uint32_t address)
{
    unsigned i = 0;
    while (i < PORTAL_GUESS_KNOWN && (address == 0 || guess->known[i] != address)) {
        i++;
    }
    return i;
}

uint32_t portal_guess_wait_s(const portal_guess_t *guess, uint32_t address, uint64_t now_us)
{
    if (now_us >= guess->closed_until_us || find_known(guess, address) < PORTAL_GUESS_KNOWN) {
        return 0;
    }
    return (uint32_t)((guess->closed_until_us - now_us + HF_US_PER_S - 1u) / HF_US_PER_S);
}

static void forget(portal_guess_t *guess, uint64_t now_us)
{
    uint64_t periods = (now_us - guess->last_us) / (PORTAL_GUESS_FORGET_S * (uint64_t)HF_US_PER_S);
    guess->wrong -= periods < guess->wrong ? (uint32_t)periods : guess->wrong;
}

static uint64_t wait_us(uint32_t wrong)
{
    uint32_t wait_s = wrong < PORTAL_GUESSES_FREE ? 0 : 1u;
    for (uint32_t i = PORTAL_GUESSES_FREE; i < wrong && wait_s < PORTAL_GUESS_WAIT_MAX_S; i++) {
        wait_s *= 2u;
    }
    return wait_s * (uint64_t)HF_US_PER_S;
}

void portal_guess_note(portal_guess_t *guess, uint32_t address, bool is_right, uint64_t now_us)
{
    unsigned place = find_known(guess, address);
    if (is_right) {
        if (place == PORTAL_GUESS_KNOWN) {
            guess->known[guess->next] = address;
            guess->next = (guess->next + 1u) % PORTAL_GUESS_KNOWN;
        }
        return;
    }
    if (place < PORTAL_GUESS_KNOWN) {
        guess->known[place] = 0;
    }
    forget(guess, now_us);
    guess->wrong += guess->wrong < UINT32_MAX ? 1u : 0u;
    guess->last_us = now_us;
    guess->closed_until_us = now_us + wait_us(guess->wrong);
}
