// SPDX-License-Identifier: MIT
// HTTP of the status page: GET and HEAD of three addresses, everything else refused. One libmicrohttpd thread.
#include "status_page.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX       16u
#define CONNECTION_BYTES      8192u
#define CONNECTION_TIMEOUT_S  10u
#define STATUS_JSON_BYTES_MAX 24576u

struct status_page {
    struct MHD_Daemon *daemon;
    const status_source_t *source;
};

// Shows what /api/status says; it asks again every second and says so when the daemon has gone.
static const char page_html[] =
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
    "content='width=device-width,initial-scale=1'><title>Holdfast</title><style>"
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:52rem;padding:0 1rem;"
    "color:#1c2733;background:#f6f8fa}h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:0 0 "
    ".5rem}.card{background:#fff;border:1px solid #d5dde5;border-radius:8px;padding:1rem "
    "1.25rem;margin:1rem 0}.state{font-size:1.6rem;font-weight:600}.Charging{color:#0a7d38}"
    ".Faulted,.fault,.critical{color:#b3261e}.warning{color:#9a6700}.ok{color:#0a7d38}.Preparing,."
    "Finishing,.SuspendedEV,.SuspendedEVSE{color:#9a6700}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1.25rem;margin:.5rem 0 0}"
    "dt{color:#5b6b7b}dd{margin:0;font-variant-numeric:tabular-nums}#gone{color:#b3261e}</style>"
    "<header><h1>Holdfast <span id=id></span></h1><div id=link></div><div id=gone "
    "role=status></div></header><main id=main></main><p><a href=/api/status>/api/status</a></p>"
    "<script>\n"
    "const $=i=>document.getElementById(i),make=(t,x,c)=>{const e=document.createElement(t);"
    "if(x!==undefined)e.textContent=x;if(c)e.className=c;return e};\n"
    "function rows(o){const d=make('dl');for(const[k,v]of o){d.append(make('dt',k),make('dd',v))}"
    "return d}\n"
    "function card(c){const s=make('section',undefined,'card');s.append(make('h2','Connector '+"
    "c.connector),make('div',c.state,'state '+c.state));const r=[];"
    "if(c.fault!=='NONE')r.push(['fault',c.fault]);"
    "if(c.transaction_id)r.push(['transaction',c.transaction_id]);"
    "r.push(['power',c.power_W.toFixed(0)+' W'],['output',c.voltage_V.toFixed(1)+' V, '+"
    "c.current_A.toFixed(1)+' A'],['register',c.register_Wh+' Wh']);"
    "if('soc_percent'in c)r.push(['battery',c.soc_percent+' %']);"
    "if('temperature_C'in c)r.push(['module',c.temperature_C+' \\u00b0C']);"
    "r.push(['plug',c.plugged?(c.locked?'in, locked':'in'):'out'],['contactor',"
    "c.contactor_closed?'closed':'open']);"
    "if(c.reasons.length)r.push(['no power because',c.reasons.join(', ')]);"
    "const b=c.bus;r.push(['bus',b.module+(b.bms!==b.module?', BMS '+b.bms:'')+(b.bus_offs?', off "
    "'+"
    "b.bus_offs+' times':'')+(b.overruns?', '+b.overruns+' frames lost':'')+(b.ring_percent>80?"
    "', ring '+b.ring_percent+' %':'')]);"
    "if(c.commissioning!=='off')r.push(['commissioning',c.commissioning]);"
    "s.append(rows(r));return s}\n"
    "function health(s){const e=make('section',undefined,'card');e.append(make('h2','Health'),"
    "make('div',s.health,'state '+s.health));const "
    "t=s.ticks_lateness,r=s.reasons.map(x=>['because',"
    "x]);r.push(['control ticks','latest '+t.max_us+' \u00b5s late, '+t.over_limit+' of '+t.count+"
    "' over '+t.limit_us+' \u00b5s'],['real time',s.realtime.fifo?'granted':'no: '+"
    "s.realtime.fifo_refused],['memory',s.realtime.locked?'locked':'not locked: '+"
    "s.realtime.locked_refused]);for(const f of s.faults.queue.slice(-8).reverse())r.push(['fault',"
    "f.fault+(f.connector?', connector '+f.connector:'')+', '+(f.uptime_ms/1000).toFixed(1)+"
    "' s after start']);e.append(rows(r));return e}\n"
    "async function tick(){try{const r=await fetch('/api/status',{cache:'no-store'});"
    "if(!r.ok)throw 0;const s=await r.json();$('id').textContent=s.id;$('link').textContent="
    "'central system '+s.csms+': link '+s.link+', registration '+s.registration+"
    "(s.link!=='open'&&s.link_error?' ('+s.link_error+')':'')+(s.queue?', '+s.queue+"
    "' messages waiting':'')+(s.net?', network '+s.net+(s.net_rssi_dBm?' '+s.net_rssi_dBm+' "
    "dBm':'')"
    "+(s.net_error?' ('+s.net_error+')':''):'');$('gone').textContent=s.estop_latched?'emergency "
    "stop is latched':'';"
    "const m=$('main');m.replaceChildren(...s.connectors.map(card));const l=make('section',"
    "undefined,'card');l.append(make('h2','Sessions'),rows([['ended',s.sessions_ended],"
    "...(s.last_session?[['last',s.last_session.energy_Wh+' Wh, '+s.last_session.reason]]:[]),"
    "['boot','number "
    "'+s.boot],['version',s.version]]));if(s.health)m.append(health(s));m.append(l)}"
    "catch(e){"
    "$('gone').textContent='no answer from the charge point'}}\n"
    "tick();setInterval(tick,1000);</script></html>\n";

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned code, const char *type,
                              const char *text, enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, mode);
    if (response == NULL) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    (void)MHD_add_response_header(response, "X-Frame-Options", "DENY");
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_status(struct MHD_Connection *connection,
                                     const status_source_t *source)
{
    char text[STATUS_JSON_BYTES_MAX];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    int status = status_json_write(source, &out);
    if (status != HF_OK || out.overflow) {
        return answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain",
                      "starting, try again\n", MHD_RESPMEM_PERSISTENT);
    }
    hf_builder_char(&out, '\n');
    return answer(connection, MHD_HTTP_OK, "application/json", text, MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request)
{
    (void)version, (void)upload, (void)upload_size, (void)request;
    const status_page_t *page = ctx;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", "GET or HEAD only\n",
                      MHD_RESPMEM_PERSISTENT);
    }
    if (strcmp(url, "/api/status") == 0) {
        return answer_status(connection, page->source);
    }
    if (strcmp(url, "/") == 0) {
        return answer(connection, MHD_HTTP_OK, "text/html; charset=utf-8", page_html,
                      MHD_RESPMEM_PERSISTENT);
    }
    return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain", "not here: try / or /api/status\n",
                  MHD_RESPMEM_PERSISTENT);
}

status_page_t *status_page_open(const char *host, uint16_t port, const status_source_t *source)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        errno = EINVAL;
        return NULL;
    }
    status_page_t *page = calloc(1, sizeof *page);
    if (page == NULL) {
        return NULL;
    }
    page->source = source;
    errno = 0;
    page->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, port, NULL, NULL, on_request, page, MHD_OPTION_SOCK_ADDR,
        (struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
        CONNECTION_TIMEOUT_S, MHD_OPTION_END);
    if (page->daemon == NULL) {
        int saved = errno;
        free(page);
        errno = saved != 0 ? saved : EADDRINUSE;
        return NULL;
    }
    return page;
}

uint16_t status_page_port(const status_page_t *page)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(page->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info != NULL ? info->port : 0;
}

void status_page_close(status_page_t *page)
{
    if (page != NULL) {
        MHD_stop_daemon(page->daemon);
        free(page);
    }
}
