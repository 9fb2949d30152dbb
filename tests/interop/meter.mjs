// SPDX-License-Identifier: MIT
// The shipped daemon with a Modbus meter on a serial line: the bill is what the meter counted, readings are the meter's, a meter
// that falls silent ends the session and comes back. The meter counts what the simulated outlet delivers.
import {Central, Program, Station, check, equal, main, sleep, until} from './lib.mjs';

const CHARGE_MS = 12000;
const BASE_MJ = 1234567 * 3600000;
const MJ_PER_WH = 3600000;
const FEED_MS = 50;
const SILENT = 1; // line.h

/** Keeps the meter at what the outlet has delivered. */
class Feed {
    constructor(station, meter) {
        this.station = station;
        this.meter = meter;
        this.timer = setInterval(() => this.#step(), FEED_MS);
    }

    outlet() {
        return this.station.sim.events.all.findLast((e) => e.event === 'status')?.outlets[0];
    }

    #step() {
        const outlet = this.outlet();
        this.station.sim.tell('status');
        if (outlet) {
            this.meter.tell(`energy ${BASE_MJ + outlet.energy_mJ}`);
            this.meter.tell('output 76410 30210');
        }
    }

    Wh() {
        return Math.floor((BASE_MJ + (this.outlet()?.energy_mJ ?? 0)) / MJ_PER_WH);
    }

    end() {
        clearInterval(this.timer);
    }
}

const value = (call, measurand) => call.payload.meterValue[0].sampledValue.find((sample) => sample.measurand === measurand)?.value;

async function start(central, station) {
    station.sim.tell('plug 1');
    await central.untilStatus('Preparing');
    equal(await central.call('RemoteStartTransaction', {idTag: 'TAG', connectorId: 1}), {status: 'Accepted'}, 'remote start');
    const begun = await central.wait('StartTransaction');
    await central.untilStatus('Charging');
    return begun;
}

async function session(central, station, feed) {
    const before_Wh = feed.Wh();
    const begun = await start(central, station);
    equal(begun.payload.meterStart, before_Wh, 'the station\'s register is the meter\'s');
    await sleep(CHARGE_MS);
    const transactionId = central.transactions.get(begun.id);
    equal(await central.call('RemoteStopTransaction', {transactionId}), {status: 'Accepted'}, 'remote stop');
    const stop = await central.wait('StopTransaction');
    await sleep(4 * FEED_MS);
    const counted_Wh = feed.Wh() - before_Wh, billed_Wh = stop.payload.meterStop - begun.payload.meterStart;
    console.log(`energy: the meter counted ${counted_Wh} Wh, billed ${billed_Wh} Wh`);
    check(counted_Wh >= 5, 'too little energy to judge');
    // What flows at last may reach the simulated meter one FEED_MS after the station's last question.
    check(Math.abs(counted_Wh - billed_Wh) <= 1, 'the bill is not what the meter counted');
    const readings = central.calls.all.filter((call) => call.action === 'MeterValues' && call.payload.transactionId === transactionId);
    check(readings.length >= 8, `${readings.length} readings`);
    equal(value(readings.at(-1), 'Voltage'), '76.410', 'the meter\'s voltage');
    equal(value(readings.at(-1), 'Current.Import'), '30.210', 'the meter\'s current');
    equal(value(readings.at(-1), 'Power.Active.Import'), '2308', 'the meter\'s power');
    station.sim.tell('unplug 1');
    await central.untilStatus('Available');
}

async function silence(central, station, feed, meter) {
    await start(central, station);
    await sleep(3000);
    meter.tell(`fault ${SILENT}`);
    const faulted = await central.waitStatus('Faulted');
    equal(faulted.payload.errorCode, 'PowerMeterFailure', 'why');
    const stop = await central.wait('StopTransaction');
    check(stop.payload.meterStop <= feed.Wh(), 'billed more than the meter counted');
    station.sim.tell('unplug 1');
    meter.tell('fault 0');
    await until(() => station.daemon.stderr.includes('answers again'), 'the log tells that it is back');
    await central.untilStatus('Available');
    await start(central, station); // and charges again
    station.sim.tell('unplug 1');
    await central.wait('StopTransaction');
}

await main('meter', async () => {
    const central = new Central();
    await central.listen();
    const meter = new Program('meter_server', []);
    const {device} = await meter.wait('ready');
    const station = new Station({settings: ['MeterValueSampleInterval=1'], daemonArguments: ['--meter', `modbus:${device},profile=pzem-017`]});
    await station.startSim();
    const feed = new Feed(station, meter);
    await until(() => feed.outlet(), 'the outlet');
    await sleep(4 * FEED_MS);
    station.startDaemon(central.url);
    await central.untilStatus('Available');
    await until(() => station.daemon.stderr.includes('its register, 1234567 Wh, is the station\'s'), 'the register is taken over');
    await session(central, station, feed);
    await silence(central, station, feed, meter);
    equal(central.invalid, [], 'invalid frames');
    feed.end();
    await station.end();
    meter.child.stdin.end();
    await meter.ended;
    await central.close();
});
