// SPDX-License-Identifier: MIT
// The central system goes away and comes back on its port, in real time: killed in mid-session, away over the end of one
// session and the whole of the next, and frozen with its connection open. Charging goes on; everything is told, in order.
import {Program, Station, check, equal, main, now, sleep, until} from './lib.mjs';

const AWAY_MS = 4000;
const BACKOFF_S = 4 * 1.3 + 3; // of the third try at the latest, and of a loaded machine
const PING_S = 3;
const DEAD_S = 2 * PING_S + 3; // two intervals, slack

const billing = []; // events start, meter of a transaction and stop, over all central systems
const seen = new Map(); // message id -> event, resends removed

/** `holdfast csms` on one port, again and again; what it was told before its end is kept. */
class CentralSystem {
    port = 0;

    async start() {
        this.csms = new Program('holdfast', ['csms', '--port', String(this.port)]);
        this.port = (await this.csms.wait('listening')).port;
        this.url = `ws://127.0.0.1:${this.port}/ocpp`;
        return this.csms;
    }

    async kill() {
        await this.csms.end('SIGKILL', 'SIGKILL');
        this.keep();
    }

    keep() {
        for (const event of this.csms.events.all) {
            if (!['start', 'stop'].includes(event.event) && !(event.event === 'meter' && event.transactionId)) {
                check(event.event !== 'invalid', `the central system calls invalid: ${event.text}`);
                continue;
            }
            const known = seen.get(event.id);
            check(!known || known.event === event.event, `message id ${event.id} used twice`);
            if (!known) {
                seen.set(event.id, event);
                billing.push(event);
            }
        }
    }
}

async function state(station) {
    return (await station.status()).connectors[0].state;
}

async function begin(station, csms) {
    station.sim.events.skip(); // what was told of the session before
    station.sim.tell('plug 1');
    await csms.wait('status', {connector: 1, status: 'Preparing'});
    csms.tell('remote-start CP1 1 TAG');
    const start = await csms.wait('start');
    await station.waitPower();
    await csms.wait('meter', {transactionId: start.transactionId});
    return start;
}

function judgePowerOn(station, from, why) {
    equal(station.sim.events.all.slice(from).filter((e) => e.event === 'power' && e.power_mW === 0), [], `${why}: power ended`);
}

/** Killed in mid-session, back after some seconds. */
async function killedInSession(station, central) {
    const start = await begin(station, central.csms);
    const from = station.sim.events.all.length;
    const energy_mJ = (await station.outlet()).energy_mJ;
    await central.kill();
    await sleep(AWAY_MS);
    judgePowerOn(station, from, 'central system away');
    check((await station.outlet()).energy_mJ > energy_mJ + 1e6, 'no energy while the central system was away');
    equal(await state(station), 'Charging', 'state while the central system is away');
    const back = now();
    const csms = await central.start();
    await csms.wait('connected');
    check(now() - back <= BACKOFF_S, `connected again after ${now() - back} s`);
    console.log(`killed and back: connected again after ${(now() - back).toFixed(2)} s`);
    await csms.wait('meter', {transactionId: start.transactionId}); // what was measured meanwhile, and what is measured now
    judgePowerOn(station, from, 'central system back');
    const queued = await until(async () => (await station.status()).queue === 0, 'the queue is empty');
    check(queued, 'queue');
    csms.tell(`remote-stop CP1 ${start.transactionId}`);
    const stop = await csms.wait('stop');
    equal([stop.transactionId, stop.reason], [start.transactionId, 'Remote'], 'end of the session');
    station.sim.tell('unplug 1');
    await csms.wait('status', {connector: 1, status: 'Available'});
    equal(csms.events.all.filter((e) => e.event === 'boot'), [], 'a reconnect is no reboot');
}

/** Away over the end of one session and the whole of the next. */
async function awayOverSessions(station, central) {
    const {csms} = central;
    const start = await begin(station, csms);
    await central.kill();
    await useCard(station, false);
    station.sim.tell('unplug 1');
    await until(async () => await state(station) === 'Available', 'Available after the first');
    station.sim.tell('plug 1');
    await until(async () => await state(station) === 'Preparing', 'Preparing for the second');
    await useCard(station, true);
    await sleep(1500);
    await useCard(station, false);
    station.sim.tell('unplug 1');
    await until(async () => await state(station) === 'Available', 'Available after the second');
    const next = await central.start();
    const first = await next.wait('stop'); // a new central system counts its transactions anew: only the order tells them apart
    equal([first.transactionId, first.reason], [start.transactionId, 'Local'], 'the session it saw begin');
    const second = await next.wait('start');
    const last = await next.wait('stop');
    equal([last.transactionId, last.reason], [second.transactionId, 'Local'], 'the session it never saw');
    console.log('away over two sessions: both told on return');
}

async function useCard(station, on) {
    station.sim.events.skip();
    station.sim.tell('card 1 TAG');
    await (on ? station.waitPower() : station.sim.wait('lock', {locked: false}));
}

/** Frozen with its connection open: found dead by the missing pong. */
async function frozen(station, central) {
    const {csms} = central;
    const start = await begin(station, csms);
    const from = station.sim.events.all.length;
    const since = now();
    csms.signal('SIGSTOP');
    await until(async () => (await station.status()).link !== 'open', 'the dead link is found', DEAD_S * 1000);
    const took = now() - since;
    check(took >= PING_S - 1, `the link was given up after ${took} s`);
    csms.signal('SIGCONT');
    await csms.wait('disconnected');
    await csms.wait('connected');
    console.log(`frozen: found dead after ${took.toFixed(1)} s, connected again`);
    judgePowerOn(station, from, 'central system frozen');
    csms.tell(`remote-stop CP1 ${start.transactionId}`);
    await csms.wait('stop', {transactionId: start.transactionId, reason: 'Remote'});
    station.sim.tell('unplug 1');
    await csms.wait('status', {connector: 1, status: 'Available'});
}

/** Whole sessions one after the other, whichever central system heard of them. */
function judgeOrder() {
    const kinds = billing.filter((e) => e.event !== 'meter').map((e) => e.event);
    equal(kinds, ['start', 'stop', 'start', 'stop', 'start', 'stop', 'start', 'stop'], 'order of what was billed');
    let open = null;
    let last_Wh = 0;
    for (const event of billing) {
        const Wh = event.meter_Wh ?? Number(event.values['Energy.Active.Import.Register']);
        check(Wh >= last_Wh, `${event.event} ${event.id}: the register went back from ${last_Wh} to ${Wh} Wh`);
        last_Wh = Wh;
        check(event.event === 'start' ? open === null : open === event.transactionId, `${event.event} of ${event.transactionId} while ${open} is open`);
        open = event.event === 'stop' ? null : event.transactionId;
        check((event.conflicts ?? 0) === 0, `${event.event} ${event.id} was resent differently`);
    }
    const meters = billing.filter((e) => e.event === 'meter').length;
    check(meters >= 15, `only ${meters} MeterValues`);
    console.log(`${billing.length} messages, ${meters} of them MeterValues, in order`);
}

await main('reconnect', async () => {
    const central = new CentralSystem();
    const csms = await central.start();
    const station = new Station({settings: ['MeterValueSampleInterval=1', `WebSocketPingInterval=${PING_S}`, 'AllowOfflineTxForUnknownId=true']});
    await station.startSim();
    station.startDaemon(central.url);
    await csms.wait('status', {connector: 1, status: 'Available'});
    await killedInSession(station, central);
    await awayOverSessions(station, central);
    await frozen(station, central);
    central.keep();
    judgeOrder();
    await station.end();
    await central.csms.end();
});
