// SPDX-License-Identifier: MIT
// What the model tests play on a pool; see pool_world.h for the notation.
#ifndef POOL_CASES_H
#define POOL_CASES_H

#include "pool_world.h"

#define ONE_BLOCK    .count = 1, .played = 1, .play = {0}, .exact = true, .spurious = 1
#define TWO_BLOCKS   .count = 2, .played = 2, .play = {0, 1}, .exact = true, .spurious = 1
#define THREE_BLOCKS .count = 3, .played = 3, .play = {0, 1, 2}, .exact = true, .spurious = 1
// One block in each of two words; the 31 others stay taken.
#define TWO_WORDS                                                                                  \
    .count = 33, .played = 2, .play = {0, 32}, .exact = POOL_IS_COUNTED != 0, .spurious = 1
// Two in the first word, one in the second.
#define TWO_WORDS_THREE                                                                            \
    .count = 33, .played = 3, .play = {3, 31, 32}, .exact = POOL_IS_COUNTED != 0, .spurious = 1
#define THREE_WORDS                                                                                \
    .count = 65, .played = 3, .play = {31, 32, 64}, .exact = POOL_IS_COUNTED != 0, .spurious = 1
#if CONFIG_HF_POOL_CENSUS
#define LONG_CENSUS .is_long = true // more states than in the other levels
#else
#define LONG_CENSUS .is_long = false
#endif

static const pool_case_t pool_cases[] = {
    {"last_block_two_takers", "G0", {"T1", "T2"}, 2, ONE_BLOCK},
    {"last_block_three_takers", "G0", {"T1", "T2", "T3"}, 3, ONE_BLOCK},
    {"two_blocks_three_takers", "G0 G1", {"T2", "T3", "T4"}, 3, TWO_BLOCKS},
    {"no_block_three_takers", "", {"T1", "T2", "T3"}, 3, ONE_BLOCK},
    {"give_meets_take", "", {"G0", "T1"}, 2, ONE_BLOCK},
    {"give_meets_two_takes", "", {"G0", "T1", "T2"}, 3, ONE_BLOCK},
    {"one_block_changes_hands", "", {"G0 T0", "T1 G1"}, 2, ONE_BLOCK},
    {"exhaustion_and_refill", "G0", {"T0 G0 T0 G0", "T1 G1 T1 G1"}, 2, ONE_BLOCK},
    {"two_blocks_take_give_take", "", {"G0 T0 G0", "G1 T1 T2"}, 2, TWO_BLOCKS},
    {"two_blocks_three_threads", "G0 G1", {"T2 G2", "T3 G3", "T4"}, 3, TWO_BLOCKS},
    {"three_blocks_three_threads", "G0 G1 G2", {"T3 G3", "T4 G4", "T5"}, 3, THREE_BLOCKS},
    {"one_block_three_hands", "G0", {"T1 G1", "T2 G2", "T3 G3"}, 3, ONE_BLOCK},
    {"two_blocks_three_hands", "G0", {"T2 G2", "G1 T3", "T4 G4"}, 3, TWO_BLOCKS, LONG_CENSUS},
    {"two_blocks_long", "G0", {"T2 G2 T2 G2 T2", "G1 T3 G3 T3 G3"}, 2, TWO_BLOCKS, LONG_CENSUS},
    {"double_give_two_threads", "", {"G0", "G0"}, 2, TWO_BLOCKS},
    {"double_give_three_threads", "", {"G0", "G0", "G0"}, 3, TWO_BLOCKS},
    {"double_give_beside_a_give", "", {"G0", "G0", "G1"}, 3, TWO_BLOCKS},
    {"double_give_beside_a_take", "", {"G0", "G0", "T2"}, 3, TWO_BLOCKS, .is_confused = true},
    {"gives_of_one_word", "", {"G0", "G1", "G2"}, 3, THREE_BLOCKS},
    {"two_words_give_meets_take", "", {"G1", "T2"}, 2, TWO_WORDS},
    {"two_words_give_meets_take_first", "", {"G0", "T2"}, 2, TWO_WORDS},
    {"two_words_take_empties_while_given", "G1", {"T2", "G0 T0"}, 2, TWO_WORDS},
    {"two_words_two_takers", "G0 G1", {"T2 G2", "T3 G3"}, 2, TWO_WORDS},
    {"two_words_refill", "", {"G0 T0 G0", "G1 T1"}, 2, TWO_WORDS},
    {"two_words_three_threads", "G1", {"G0", "T2", "T3"}, 3, TWO_WORDS},
    {"two_words_last_of_word", "G0", {"T3", "T4 G4", "G2"}, 3, TWO_WORDS_THREE},
    {"two_words_cursor_moves", "G2 T3 G3 G0", {"T4 G4 T4", "T5 G5"}, 2, TWO_WORDS_THREE},
    {"two_words_long", "G0", {"T2 G2 T2 G2 T2", "G1 T3 G3 T3 G3"}, 2, TWO_WORDS, .is_long = true},
    {"two_words_three_hands", "G0", {"T2 G2", "G1 T3", "T4 G4"}, 3, TWO_WORDS, .is_long = true},
    {"two_words_gives_while_scanned",
     "",
     {"T3", "G0 T0", "G2 T2"},
     3,
     TWO_WORDS_THREE,
     .is_long = true},
    {"three_words_give_meets_takes", "G1", {"G0 T0", "T3", "G2"}, 3, THREE_WORDS, LONG_CENSUS},
    {"three_words_two_takers", "G0 G2", {"T3 G3 T3", "T4 G1 T5"}, 2, THREE_WORDS, LONG_CENSUS},
#if CONFIG_HF_POOL_CENSUS
    {"handle_give_meets_give", "", {"H0", "G0"}, 2, TWO_BLOCKS},
    {"handle_give_twice", "", {"H0", "H0", "T2"}, 3, TWO_BLOCKS},
    {"handle_give_meets_give_and_retake", "", {"H0", "G0 T2"}, 2, ONE_BLOCK},
    {"handle_give_meets_retake_and_give", "", {"H0", "G0 T2 G2"}, 2, ONE_BLOCK},
    {"handle_give_meets_retake_by_third",
     "",
     {"H0", "G0", "T2"},
     3,
     ONE_BLOCK,
     .is_confused = true},
    {"handle_gives_meet_retakes", "", {"H0 T2", "H0 T3", "T4"}, 3, ONE_BLOCK},
    {"handle_gives_meet_long_retake", "", {"H0", "H0 T2 G2 T2", "T3 G3"}, 3, ONE_BLOCK},
    {"handle_gives_of_each_owner", "", {"H0 T2 K2 H2", "H0 T3 K3 H3"}, 2, ONE_BLOCK},
    {"handle_look_up_meets_gives_and_retakes", "", {"A0 A0", "H0 T2", "T3 G3"}, 3, ONE_BLOCK},
    {"handle_look_up_meets_give_and_retake", "", {"A0", "G0 T2"}, 2, ONE_BLOCK},
    {"handle_of_new_owner", "", {"G0", "T2 K2 A2 H2"}, 2, ONE_BLOCK},
#endif
};

#endif
