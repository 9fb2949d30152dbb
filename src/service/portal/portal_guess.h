// SPDX-License-Identifier: MIT
// How often a password may be guessed: one count for the whole portal, so that no table grows with the addresses of who
// guesses. Goals: from however many places 5 guesses at once, 6 more in the next two minutes, then one in 64 s (1,350 a
// day); whoever has given the right password before does not wait for what others guess, and nobody waits longer than 64 s
// when the guesses have ended. Invariants: while it is closed no password is compared, so that the answer tells nothing; a
// right password reopens nothing for others, or its owner's visits would give a guesser new tries.
#ifndef PORTAL_GUESS_H
#define PORTAL_GUESS_H

#include "holdfast/hf_base.h"

#define PORTAL_GUESSES_FREE     5u  // wrong ones before anybody waits
#define PORTAL_GUESS_WAIT_MAX_S 64u // 1 s at first, doubled by each further wrong one
#define PORTAL_GUESS_FORGET_S   60u // without a wrong one, for one of them to be forgotten
#define PORTAL_GUESS_KNOWN      4u  // addresses that gave the right one last

typedef struct portal_guess {
    uint32_t wrong; // and not forgotten
    uint64_t last_us, closed_until_us;
    uint32_t known[PORTAL_GUESS_KNOWN]; // 0: none
    uint32_t next;                      // of them to give way
} portal_guess_t;

/// Seconds, rounded up, until a password from `address` is looked at; 0: now. All zero is the state of a start.
uint32_t portal_guess_wait_s(const portal_guess_t *guess, uint32_t address, uint64_t now_us);
/// A password was compared. A wrong one takes its address from those that are known.
void portal_guess_note(portal_guess_t *guess, uint32_t address, bool is_right, uint64_t now_us);

#endif
