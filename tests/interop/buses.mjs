// SPDX-License-Identifier: MIT
// What happens to a bus in the middle of a session: off, unplugged, full of strangers, full of forgeries; the module's bus and the
// BMS's; and a serial adapter that is noisy or pulled out. The shipped daemon over two buses, strict ocpp-rpc as its central
// system. Each station is on its own, all at the same time. Whatever happens: no power without a bus, one Start and one Stop,
// the energy right, and the next session possible.
import {join} from 'node:path';
import {Central, Program, Station, check, main, now, sleep, until} from './lib.mjs';

const CONTACTOR_S = 0.15; // bus off: within one tick; what a loaded machine and the contactor's own 30 ms add
const SILENT_S = 3.6;     // silence: the age of its signals, the way down
const SHORT_S = 6;        // ridden out
const LONG_S = 13;        // longer than EVSE_BUS_OFF_RESUME_MS
const LIMIT_MS = 40000;

class TwoBuses extends Station {
    constructor(id, adapter) {
        super({id});
        this.adapter = adapter;
    }

    spec(who, bus) {
        const kind = !this.adapter ? 'virtual' : who === 'sim' ? 'slcan-pty' : 'slcan';
        return `${kind}:${join(this.folder, bus)}`;
    }

    async startSim() {
        this.sim = new Program('holdfast', ['sim', '--can', this.spec('sim', 'can'), '--bms-can', this.spec('sim', 'bms'),
            '--io', `socket:${join(this.folder, 'io')}`]);
        await this.sim.wait('ready');
    }

    startDaemon(csmsUrl) {
        this.daemon = new Program('holdfastd', ['--csms', csmsUrl, '--id', this.id, '--http', '127.0.0.1:0',
            '--state', join(this.folder, 'state'), '--can', this.spec('daemon', 'can'), '--bms-can', this.spec('daemon', 'bms'),
            '--io', `socket:${join(this.folder, 'io')}`, '--profile', 'm33-1024', '--set', 'MeterValueSampleInterval=2']);
    }
}

async function charging(name, adapter) {
    const central = new Central();
    await central.listen();
    const station = new TwoBuses(name, adapter);
    await station.startSim();
    station.startDaemon(central.url);
    await central.wait('BootNotification', () => true, LIMIT_MS);
    station.sim.tell('plug 1');
    await central.untilStatus('Preparing');
    await central.call('RemoteStartTransaction', {connectorId: 1, idTag: 'TAG'});
    await central.wait('StartTransaction', () => true, LIMIT_MS);
    await station.sim.events.next((e) => e.event === 'power' && e.power_mW > 1e5, 'power', LIMIT_MS);
    await sleep(1000);
    return {name, central, station, since: station.sim.events.all.length};
}

/** Tells a fault and gives the moment the simulator made it. */
async function fault(run, name, on = true) {
    run.station.sim.tell(on ? `fault 1 ${name}` : `clear 1 ${name}`);
    return (await run.station.sim.wait('fault', {[name]: on})).t;
}

async function noPowerWithin(run, t, limit_s) {
    const zero = await run.station.sim.events.next((e) => e.event === 'power' && e.power_mW === 0, `${run.name}: power ends`, LIMIT_MS);
    check(zero.t - t <= limit_s, `${run.name}: power ended ${(zero.t - t).toFixed(3)} s after the fault, limit ${limit_s} s`);
    await until(async () => (await run.station.outlet()).contactor === false, `${run.name}: the contactor opens`, 1000);
    return zero.t - t;
}

const statuses = (run) => run.central.calls.all.filter((c) => c.action === 'StatusNotification' && c.payload.connectorId === 1)
    .map((c) => c.payload);

async function toldFaulted(run, code, vendor) {
    const told = await until(() => statuses(run).find((p) => p.status === 'Faulted'), `${run.name}: Faulted is told`, LIMIT_MS);
    check(told.errorCode === code, `${run.name}: errorCode ${told.errorCode}, expected ${code}`);
    check(vendor.test(told.vendorErrorCode ?? ''), `${run.name}: vendorErrorCode ${told.vendorErrorCode}`);
}

/** One Start, one Stop, energy as the simulator integrated it; then the next vehicle charges. */
async function judgeBill(run, reason) {
    const {central, station, name} = run;
    await until(() => central.unique('StopTransaction').length > 0, `${name}: StopTransaction`, LIMIT_MS);
    await sleep(300);
    const [starts, stops] = [central.unique('StartTransaction'), central.unique('StopTransaction')];
    check(starts.length === 1 && stops.length === 1, `${name}: ${starts.length} starts, ${stops.length} stops`);
    const stop = stops[0].payload;
    check(reason.test(stop.reason ?? 'Local'), `${name}: reason ${stop.reason}, expected ${reason}`);
    const energy_Wh = (await station.outlet()).energy_mJ / 3.6e6;
    const billed_Wh = stop.meterStop - starts[0].payload.meterStart;
    check(Math.abs(billed_Wh - energy_Wh) <= 1 + energy_Wh / 100, `${name}: billed ${billed_Wh} Wh, simulated ${energy_Wh.toFixed(3)} Wh`);
    check(central.invalid.length === 0, `${name}: ${central.invalid.join('; ')}`);
    return {reason: stop.reason, energy_Wh};
}

async function nextSession(run) {
    const {central, station, name} = run;
    station.sim.tell('unplug 1');
    await until(() => statuses(run).at(-1)?.status === 'Available', `${name}: Available again, not ${statuses(run).at(-1)?.status}`, LIMIT_MS);
    station.sim.events.skip();
    station.sim.tell('plug 1');
    await central.untilStatus('Preparing');
    await central.call('RemoteStartTransaction', {connectorId: 1, idTag: 'TAG'});
    await station.sim.events.next((e) => e.event === 'power' && e.power_mW > 1e5, `${name}: power of the next session`, LIMIT_MS);
}

async function end(run, said) {
    console.log(`${run.name}: ${said}`);
    await run.station.end();
    await run.central.close();
}

async function remoteStop(run) {
    const id = [...run.central.transactions.values()].at(-1);
    await run.central.call('RemoteStopTransaction', {transactionId: id});
}

/** Off for a short time: power ends at once, the session goes on by itself. */
async function riddenOut(name, bus) {
    const run = await charging(name);
    const took_s = await noPowerWithin(run, await fault(run, bus), CONTACTOR_S);
    await toldFaulted(run, 'InternalError', /^1$/);
    await sleep(SHORT_S * 1000);
    await fault(run, bus, false);
    await run.station.sim.events.next((e) => e.event === 'power' && e.power_mW > 1e5, `${name}: power comes back`, LIMIT_MS);
    await run.central.untilStatus('Charging');
    check(run.central.unique('StopTransaction').length === 0, `${name}: the transaction ended`);
    await remoteStop(run);
    await judgeBill(run, /^Remote$/);
    await end(run, `power off after ${took_s.toFixed(3)} s, resumed, ended once`);
}

/** Off for long: the session ends, once, although nothing but the bus is broken. */
async function endedByBusOff(name, bus) {
    const run = await charging(name);
    await noPowerWithin(run, await fault(run, bus), CONTACTOR_S);
    await toldFaulted(run, 'InternalError', /^1$/);
    await sleep(LONG_S * 1000);
    await fault(run, bus, false);
    await judgeBill(run, /^Other$/);
    await nextSession(run);
    await end(run, 'ended once, and charges again');
}

/** The cable is out: silence, found by the age of what was said. */
async function unplugged(name, bus, code) {
    const run = await charging(name);
    const took_s = await noPowerWithin(run, await fault(run, bus), SILENT_S);
    await toldFaulted(run, code, /./);
    await judgeBill(run, /^Other$/);
    await fault(run, bus, false);
    await nextSession(run);
    await end(run, `power off after ${took_s.toFixed(3)} s, ended once, and charges again`);
}

/**
 * Somebody talks all the time, or every eighth line of a serial adapter is damaged: either the session goes on, or a reading
 * grew too old and it ends once; never more power than was asked for.
 */
async function disturbed(name, bus, adapter = false) {
    const run = await charging(name, adapter);
    await fault(run, bus);
    await sleep(6000);
    const most_mA = Math.max(...run.station.sim.events.all.slice(run.since).filter((e) => e.event === 'power').map((e) => e.current_mA));
    check(most_mA <= 30600, `${name}: ${most_mA} mA flowed, 30 A were asked for`);
    await fault(run, bus, false);
    await sleep(1500); // what was lost last is heard again, or is missed by now
    const goesOn = run.central.unique('StopTransaction').length === 0;
    if (goesOn) {
        await remoteStop(run);
    }
    const {reason} = await judgeBill(run, /^(Remote|Other)$/);
    await nextSession(run);
    await end(run, `${goesOn ? 'charging went on' : 'ended'}, ${reason}, and charges again`);
}

/** A serial adapter pulled out and put back. */
async function adapterGone(name) {
    const run = await charging(name, true);
    const took_s = await noPowerWithin(run, await fault(run, 'adapter-gone'), CONTACTOR_S);
    await toldFaulted(run, 'InternalError', /^1$/);
    await sleep(SHORT_S * 1000);
    await fault(run, 'adapter-gone', false);
    await run.central.untilStatus('Charging');
    await remoteStop(run);
    await judgeBill(run, /^Remote$/);
    await end(run, `power off after ${took_s.toFixed(3)} s, resumed with the adapter`);
}

const cases = {
    'module-off-short': (name) => riddenOut(name, 'bus-off'),
    'bms-off-short': (name) => riddenOut(name, 'bms-bus-off'),
    'module-off-long': (name) => endedByBusOff(name, 'bus-off'),
    'bms-off-long': (name) => endedByBusOff(name, 'bms-bus-off'),
    'module-unplugged': (name) => unplugged(name, 'bus-unplugged', 'PowerSwitchFailure'),
    'bms-unplugged': (name) => unplugged(name, 'bms-bus-unplugged', 'EVCommunicationError'),
    'module-babble': (name) => disturbed(name, 'babble'),
    'bms-babble': (name) => disturbed(name, 'bms-babble'),
    'module-flood': (name) => disturbed(name, 'flood'),
    'bms-flood': (name) => disturbed(name, 'bms-flood'),
    'slcan-noise': (name) => disturbed(name, 'serial-noise', true),
    'slcan-gone': adapterGone,
};

await main('buses', async () => {
    const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(cases);
    const begun = now();
    await Promise.all(wanted.map((name) => cases[name](name).catch((error) => check(false, `${name}: ${error.stack}`))));
    console.log(`${wanted.length} stations at the same time, ${(now() - begun).toFixed(1)} s`);
});
