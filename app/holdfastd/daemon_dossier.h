// SPDX-License-Identifier: MIT
// Why the daemon ended last time, and how it stood: a file of the state directory, kept in step with the run through a
// mapping (so SIGKILL finds it as of main's last round), written at each end and by the handler of fatal signals; at the
// next start it is read, told, and moved to the journal. Beside the dossier the file names the boot of the machine, so that
// a restart of the program and one of the machine are told apart.
#ifndef DAEMON_DOSSIER_H
#define DAEMON_DOSSIER_H

#include "evse/evse_store.h"
#include "holdfast/hf_dossier.h"

#include <stdatomic.h>

#define DAEMON_DOSSIER_ALTERNATE_BYTES 16384u // of the stack a handler runs on
#define DAEMON_DOSSIER_THREADS         4u     // main, control, comms, supervisor
#define DAEMON_DOSSIER_BOOT_BYTES      36u    // a UUID
#define DAEMON_DOSSIERS_KEPT           4u     // in the journal
#define DAEMON_DOSSIER_STALE_MS        30000u // without a mapping the page is at most so old

typedef struct daemon_dossier {
    int fd;                  // -1: no file
    int staging;             // memory the kernel copies to the mapping from; -1: none
    _Atomic(uint8_t *) map;  // of the file; NULL: none, it is written now and then
    bool is_begun, has_last; // the file is this run's; there was a run before
    hf_dossier_t last;       // of the run before
    hf_dossier_t draft;      // of this one; main's
    hf_dossier_t whole[2];   // drafts as of the last two refreshes
    _Atomic uint32_t newest;
    char asserted[48]; // where an assertion failed; empty: none did
    uint32_t reset_code;
    uint64_t started_us, written_us;
    char boot_id[DAEMON_DOSSIER_BOOT_BYTES + 1u];
} daemon_dossier_t;

/// Reads what the last run left and begins a page of its own. The directory is locked already. Never fails: without a page
/// there is nothing to tell but the start.
void daemon_dossier_open(daemon_dossier_t *dossier, const char *folder, uint64_t now_us);
/// Moves the last run's dossier to the journal, the newest DAEMON_DOSSIERS_KEPT of them, and finds the newest there when
/// there is no page. Context: who owns the store.
void daemon_dossier_keep(daemon_dossier_t *dossier, evse_store_t *store);
/// Handlers of SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT. Once.
void daemon_dossier_catch(daemon_dossier_t *dossier);
/// A stack for the handlers of the calling thread, for the first DAEMON_DOSSIER_THREADS that ask; without one an overflow
/// of its own is told as an end without a word.
void daemon_dossier_guard_thread(void);
/// Keeps the draft as it stands: in step where the file is mapped, else when it is due (half as old as the run, in the
/// first minute), or `now`. Context: main.
void daemon_dossier_refresh(daemon_dossier_t *dossier, uint64_t now_us, bool now);
/// A SIGKILL finds the draft of the last refresh. Context: main.
bool daemon_dossier_is_live(const daemon_dossier_t *dossier);
/// The last words: reason, who and what; the rest is the draft of the last refresh. Context: any thread that ends the
/// process next. Safe in a signal handler.
void daemon_dossier_end(daemon_dossier_t *dossier, uint32_t reason, const char *task,
                        const char *detail);

#endif
