#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Known mistakes in durable transactions, each a small change to a copy of one source, which the campaign must find.

Usage: mistakes.py --names
       mistakes.py NAME TOP OUT    writes OUT: the one source of TOP that holds the place, with the mistake in it

A place that is not there exactly once (the source has moved on) gives a file with the reason in billing_mistake, which
the program prints before it fails. Each mistake is what somebody could write; the text says what is lost.
"""
import pathlib
import re
import sys

# name: (what is lost, regular expression of the place, replacement)
MISTAKES = {
    # ---- sending
    "timeout_burns": (
        "a time-out counts as an attempt",
        r"if \(!evse_is_link_loss\(ocpp\)\) \{\s+ocpp->next_transaction_us =",
        "if (!evse_is_link_loss(ocpp)) {\n            (void)!evse_store_refuse(ocpp->config.store, "
        "(uint32_t)EVSE_NUMBER(ocpp, TransactionMessageAttempts));\n            ocpp->next_transaction_us ="),
    "link_loss_burns": (
        "a lost link counts as an attempt",
        r"if \(!evse_is_link_loss\(ocpp\)\) \{\s+ocpp->next_transaction_us =",
        "if (evse_is_link_loss(ocpp)) {\n            (void)!evse_store_refuse(ocpp->config.store, "
        "(uint32_t)EVSE_NUMBER(ocpp, TransactionMessageAttempts));\n        } else {\n"
        "            ocpp->next_transaction_us ="),
    "wait_is_flat": (
        "the wait after a CALLERROR does not grow",
        r"\(uint64_t\)interval_s \* sends \* HF_US_PER_S",
        "(uint64_t)interval_s * HF_US_PER_S"),
    "never_given_up": (
        "a message that is refused for ever holds up all others",
        r"evse_store_refuse\(ocpp->config\.store, attempts_max\)",
        "evse_store_refuse(ocpp->config.store, attempts_max + 100u)"),
    "late_answer_of_any": (
        "a late answer is taken for the message that is now the first",
        r"if \(message == NULL \|\| strcmp\(id, first\) != 0\) \{",
        "if (message == NULL) {"),
    "answer_of_any_id": (
        "an answer with another id is taken",
        r"bool ours = rpc->outstanding && hf_json_is_string\(id, rpc->id\);",
        "bool ours = rpc->outstanding;"),
    "fresh_time": (
        "a STOP carries the time of its sending",
        r"(hf_json_i64_field\(json, \"meterStop\", [^;]*;\s+evse_put_time\(json, \"timestamp\", )"
        r"evse_store_utc_ms\(ocpp->config\.store, message->at\)",
        r"\1evse_ocpp_utc_ms(ocpp, ocpp->now_us)"),
    "id_of_this_boot": (
        "a message gets a new id at each boot",
        r"evse_store_id_text\(store, message->id, id\);\s+evse_outgoing_t call;",
        "evse_store_id_text(store, (uint64_t)store->boot << 32 | (uint32_t)message->id, id);\n    evse_outgoing_t call;"),
    "minus_one_for_ever": (
        "the id of the central system is not bound",
        r"transaction->transaction_id = transaction_id;\s+\}\s+return leave",
        "(void)transaction_id;\n    }\n    return leave"),
    # ---- confirmations
    "confirmed_at_once": (
        "a confirmation is believed before it is durable, the next message offered",
        r"store->confirming == 2 && hf_journal_durable\(&store->journal\) >= store->confirm_at;",
        "store->confirming == 2;"),
    "confirmation_in_memory": (
        "a confirmation is not recorded",
        r"if \(\(queued->flags & EVSE_QUEUED_MEMORY\) != 0\) \{\s+remove_head\(store\);",
        "if (queued != NULL) {\n        remove_head(store);"),
    "offered_early": (
        "a message is offered before its record is durable",
        r": hf_journal_is_durable\(&store->journal, evse_index_position\(queued\)\);",
        ": true;"),
    "clock_not_durable": (
        "a time is told before what it was bound to is durable",
        r"store->clock_at = hf_journal_appended\(&store->journal\);",
        "store->clock_at = 1u;"),
    "refusals_forgotten": (
        "a reboot counts refusals anew",
        r"store->journal\.failed == HF_OK &&\s+evse_record_refused\(store, store->refused_id, store->refused\) < 0\)",
        "store->journal.failed == HF_OK && store->boot == 0)"),
    "refusals_of_late_reading": (
        "a reading that is journalled late forgets its refusals",
        r"bool was_refused = store->refused > 0 && store->refused_id == entry\.message\.id;",
        "bool was_refused = false;"),
    # ---- into the queue
    "ids_begin_again": (
        "ids start again at each boot",
        r"return \(uint64_t\)store->boot << 32 \| store->next_message\+\+;",
        "return (uint64_t)1u << 32 | store->next_message++;"),
    "power_early": (
        "power is permitted before the START is durable",
        r"\} else if \(hf_journal_durable\(&store->journal\) >= open->durable_at &&",
        "} else if (open->durable_at != 0 &&"),
    "register_from_zero": (
        "a STOP made at boot carries no register",
        r"transaction->last_Wh = Wh > transaction->last_Wh \? Wh : transaction->last_Wh;",
        "transaction->last_Wh = reason == EVSE_STOP_PowerLoss ? 0 : Wh;"),
    "resumed": (
        "a transaction found open is taken up again",
        r"if \(transaction == NULL\) \{\s+continue;\s+\}\s+if \(store->count == CONFIG_EVSE_MESSAGES_MAX",
        "if (transaction == NULL || transaction->number != 0) {\n            continue;\n        }\n"
        "        if (store->count == CONFIG_EVSE_MESSAGES_MAX"),
    "readings_not_kept": (
        "readings stay in memory although the link is down",
        r"while \(store->readings > 0 && status == HF_OK\) \{",
        "while (store->readings > store->count && status == HF_OK) {"),
    "kept_offline_only": (
        "readings stay in memory although nobody answers",
        r"return !evse_ocpp_is_online\(ocpp\) \|\|\s+\(evse_store_waiting\(ocpp->config\.store\) > 0 &&\s+"
        r"ocpp->now_us - ocpp->queue_moved_us >= ocpp->rpc\.timeout_ms \* HF_US_PER_MS\);",
        "return !evse_ocpp_is_online(ocpp);"),
    "late_reading_last": (
        "a reading that is journalled late goes to the end of the queue",
        r"evse_index_insert\(store, i, queued\);",
        "evse_index_insert(store, store->count, queued);"),
    "late_reading_last_at_boot": (
        "a reading that was journalled late loses its place at a reboot",
        r"if \(message->id <= store->tail_id\) \{",
        "if (message->id == 0) {"),
    "checkpoint_by_other_clock": (
        "a checkpoint is stamped by the clock that was told first",
        r"at\.utc_ms = open->last_at\.utc_ms \+ \(at\.since_boot_ms - open->last_at\.since_boot_ms\);",
        ""),
    "stop_behind_its_data": (
        "a STOP made at boot does not look at its sample sets",
        r"evse_store_note_last\([^;]*;(\s+return enqueue\(store, entry, length\);\s+\}\s+static int apply_stop)",
        r"\1"),
    "sets_thinned_at_boot_alone": (
        "sample sets are thinned otherwise when they are read again",
        r"(static int apply_txdata.*?)>= CONFIG_EVSE_TXDATA_MAX\)",
        r"\1> CONFIG_EVSE_TXDATA_MAX)"),
    # ---- compaction
    "dump_without_head": (
        "a compaction forgets the first of the queue",
        r"if \(!is_head_gone\(store\) \|\| !evse_index_is_of\(queued, store->head\.transaction\)\) \{\s+return true;",
        "if (i == evse_index_head(store)) {\n        return false;\n    }\n"
        "    if (!is_head_gone(store) || !evse_index_is_of(queued, store->head.transaction)) {\n        return true;"),
    "dump_with_confirmed": (
        "a compaction forgets a confirmation",
        r"return store->confirming == 2;",
        "return store->confirming == 3;"),
    "dump_without_readings": (
        "a compaction forgets readings",
        r"if \(!is_head_gone\(store\) \|\| !evse_index_is_of\(queued, store->head\.transaction\)\) \{\s+return true;",
        "if (evse_index_kind(queued) == EVSE_MESSAGE_METER) {\n        return false;\n    }\n"
        "    if (!is_head_gone(store) || !evse_index_is_of(queued, store->head.transaction)) {\n        return true;"),
    "dump_without_sets": (
        "a compaction forgets the sample sets of a STOP",
        r"if \(!is_head_gone\(store\) \|\| !evse_index_is_of\(queued, store->head\.transaction\)\) \{\s+return true;",
        "if (evse_index_kind(queued) == EVSE_KIND_TXDATA) {\n        return false;\n    }\n"
        "    if (!is_head_gone(store) || !evse_index_is_of(queued, store->head.transaction)) {\n        return true;"),
    "dump_without_transactions": (
        "a compaction forgets the ids of transactions under way",
        r"uint8_t state =\s+transaction->stop_id != 0 \?",
        "if (transaction->state == EVSE_TRANSACTION_ENDED) {\n                continue;\n            }\n"
        "            uint8_t state =\n                transaction->stop_id != 0 ?"),
    "dump_without_registers": (
        "a compaction forgets the registers",
        r"if \(store->register_mJ\[c\] != 0 \|\| store->register_at\[c\]\.boot != 0\) \{",
        "if (store->register_mJ[c] == UINT64_MAX) {"),
    "dump_without_refusals": (
        "a compaction forgets the count of refusals",
        r"if \(status >= 0 && store->refused != 0\) \{",
        "if (status >= 0 && store->refused > 250u) {"),
    "dump_without_clock": (
        "a compaction forgets what times are bound to",
        r"for \(uint32_t i = 0; status >= 0 && i < store->boots_known; i\+\+\) \{\s+status = evse_record_clock",
        "for (uint32_t i = 1; status >= 0 && i < store->boots_known; i++) {\n        status = evse_record_clock"),
    "objects_not_moved": (
        "where objects lie is not told after a compaction",
        r"if \(kept != NULL\) \{\s+kept->place = \(kept->place & ~POSITION\) \| position;",
        "if (kept != NULL && position == 0) {\n        kept->place = position;"),
    # ---- room
    "room_of_index_alone": (
        "nobody looks whether the journal has room for a STOP",
        r"\(need\.bytes == 0 \|\| has_bytes\(store, need\.bytes \+ left_to_others\)\);",
        "(need.bytes == 0 || left_to_others != UINT32_MAX);"),
    "thins_anything": (
        "thinning takes STARTs and STOPs, too",
        r"evse_index_kind\(queued\) != EVSE_MESSAGE_METER\) \{\s+return false;",
        "evse_index_kind(queued) == EVSE_KIND_TXDATA) {\n        return false;"),
    "thins_the_last": (
        "thinning takes the last reading",
        r"\*number % 2u == 0 && \*number < most->readings",
        "*number % 2u == most->readings % 2u"),
    "thinning_not_recorded": (
        "thinned readings come back at a reboot",
        r"(HF_MUST_CHECK |)int evse_record_thinned\(evse_store_t \*store,[^{]*\{",
        r"\g<0>\n    if (count != UINT32_MAX) {\n        return 0;\n    }"),
    # ---- time
    "offset_of_other_boot": (
        "a time goes by the offset of the boot before",
        r"if \(known >= boot &&",
        "if (known + 1u >= boot &&"),
    "offsets_dropped": (
        "offsets that something goes by are dropped",
        r"needed \|= bit_of\(store, &entry\.message\.at\);",
        "needed |= bit_of(store, &entry.message.at) & 0x80000000u;"),
    "no_offset_recorded": (
        "what a time was bound to is kept in memory alone",
        r"int status = evse_record_clock\(store, store->boot, utc_offset_ms\);",
        "int status = 0;"),
    # ---- journal
    "sync_error_ignored": (
        "after a failed sync the next one is believed",
        r"journal->sync_running = false;\s+if \(status != HF_OK\) \{\s+return fail\(journal\);\s+\}",
        "journal->sync_running = false;\n    if (status != HF_OK) {\n        journal->syncing = 0;\n        return HF_OK;\n    }"),
    "durable_at_once": (
        "a record counts as durable when its sync begins",
        r"journal->syncing = journal->appended;",
        "journal->syncing = journal->durable = journal->appended;"),
    "sync_covers_later": (
        "a sync counts for what was written while it ran",
        r"journal->durable = journal->syncing;",
        "journal->durable = journal->appended;"),
    "torn_tail_written_over": (
        "records are written behind a torn one",
        r"journal->needs_compaction = status == 0 \|\| journal->holes > 0;",
        "journal->needs_compaction = journal->holes > 0;"),
    "erase_early": (
        "a segment is erased while the other one is not durable",
        r"int status = wait_for_commit\(journal\);",
        "int status = journal->segment != UINT32_MAX ? HF_OK : wait_for_commit(journal);"),
}


def sources(top):
    folders = ("src/evse/session", "src/evse/ocpp", "src/runtime/store")
    return [path for name in folders for path in sorted((pathlib.Path(top) / name).glob("*.c"))]


def broken(name, top):
    """Text of the one source that has the place, with the mistake; or the reason why there is none."""
    _, place, instead = MISTAKES[name]
    found = []
    for path in sources(top):
        text = path.read_text(encoding="utf-8")
        found += [(path, text)] * len(re.findall(place, text, re.DOTALL))
    if len(found) != 1:
        return f'const char billing_mistake[] = "stale: its place is there {len(found)} times";\n'
    path, text = found[0]
    text = re.sub(place, instead, text, count=1, flags=re.DOTALL)
    told = MISTAKES[name][0]
    return f'{text}\nextern const char billing_mistake[];\nconst char billing_mistake[] = "{told}";\n'


def main(arguments):
    if arguments == ["--names"]:
        print(";".join(MISTAKES))
        return 0
    name, top, out = arguments
    text = broken(name, top)
    target = pathlib.Path(out)
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")
    return 0


sys.exit(main(sys.argv[1:]))
