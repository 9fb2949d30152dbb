// SPDX-License-Identifier: MIT
// What decides about cards on this machine: the files of the local list and the authorization cache, beside the journal but
// apart from it (what breaks there costs the list, never a session), and the card reader.
#include "daemon.h"

#include "hf_port_linux.h"

#include <stdio.h>
#include <string.h>

#define SEGMENT_BYTES  524288u // 10,000 tags and a header
#define SEGMENT_COUNT  4u
#define LIST_SEGMENTS  0u
#define CACHE_SEGMENTS 2u

static void build_flash(daemon_t *daemon)
{
#if CONFIG_EVSE_OCPP_LOCAL_LIST
    char path[OPTIONS_TEXT_MAX + 8u];
    evse_ocpp_config_t *ocpp = &daemon->config.ocpp;
    (void)snprintf(path, sizeof path, "%s/tags", daemon->options.state);
    const hf_thread_place_t place = daemon_place(daemon, DAEMON_ROW_TAGS);
    int status = hf_flash_file_open_on(&daemon->tags, path, SEGMENT_BYTES, SEGMENT_COUNT, &place);
    daemon->has_tags = status == HF_OK;
    if (!daemon->has_tags) { // a charger without a list is better than none
        HF_LOGE(&daemon->comms_log.log, hf_port_now_us(), STORE,
                "%s: %s; no local list, no authorization cache", path, hf_status_text(status));
        return;
    }
    const hf_flash_t *flash = hf_flash_file_seam(&daemon->tags);
    ocpp->list = (evse_tag_flash_t){.flash = flash, .first = LIST_SEGMENTS};
    ocpp->cache = (evse_tag_flash_t){.flash = flash, .first = CACHE_SEGMENTS};
#else
    (void)daemon;
#endif
}

int daemon_tags_build(daemon_t *daemon)
{
    const char *spec = daemon->options.reader;
    build_flash(daemon);
    daemon->reader.fd = -1;
    if (spec[0] == '\0') {
        return -1;
    }
    int status = evse_reader_linux_open(&daemon->reader, spec);
    if (status != HF_OK) {
        (void)fprintf(stderr, "holdfastd: %s: %s\n", spec, hf_status_text(status));
        return EXIT_CONFIG;
    }
    daemon->config.ocpp.reader = evse_reader_linux_seam(&daemon->reader);
    return -1;
}

void daemon_tags_close(daemon_t *daemon)
{
    evse_reader_linux_close(&daemon->reader);
    if (daemon->has_tags) {
        hf_flash_file_close(&daemon->tags);
    }
}
