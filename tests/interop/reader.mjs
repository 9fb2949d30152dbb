// SPDX-License-Identifier: MIT
// The shipped daemon with a card reader on a serial line (a pseudo terminal), a local list that outlives kill -9, and the
// decisions it takes while the central system is away.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {createInterface} from 'node:readline';
import {Central, Station, check, equal, main, sleep, until} from './lib.mjs';

// Prints the name of its terminal, then types what it reads (a line of hexadecimal is bytes).
const TERMINAL = `
import os, pty, sys, tty
master, slave = pty.openpty()
tty.setraw(slave)
print(os.ttyname(slave), flush=True)
for line in sys.stdin:
    os.write(master, bytes.fromhex(line))
`;

async function openReader() {
    const child = spawn('/usr/bin/python3', ['-c', TERMINAL], {stdio: ['pipe', 'pipe', 'inherit']});
    const [device] = await once(createInterface({input: child.stdout}), 'line');
    return {device, type: (text) => child.stdin.write(`${Buffer.from(text, 'latin1').toString('hex')}\n`), end: () => child.stdin.end()};
}

const list = (version, type, entries) => ({listVersion: version, updateType: type, localAuthorizationList: entries});
const entry = (idTag, status, more = {}) => ({idTag, idTagInfo: {status, ...more}});

async function sessionByCard(central, station, reader) {
    station.sim.tell('plug 1');
    await central.waitStatus('Preparing');
    reader.type('booted\r\n04:a2:b3:c4\r\n');
    equal((await central.wait('Authorize')).payload, {idTag: '04A2B3C4'}, 'the card');
    await station.waitPower();
    reader.type('\x020C00840326AD\r\n\x03'); // another, of another group: nothing happens
    await sleep(2500);
    reader.type('04a2b3c4\r');
    const stop = await central.wait('StopTransaction');
    equal([stop.payload.idTag, stop.payload.reason], ['04A2B3C4', 'Local'], 'who ended it');
    station.sim.tell('unplug 1');
    await central.waitStatus('Available');
}

async function listOutlivesKill(central, station) {
    const send = (...of) => central.call('SendLocalList', list(...of));
    equal(await send(4, 'Full', [entry('0C00840326', 'Accepted'), entry('04A2B3C4', 'Blocked')]), {status: 'Accepted'}, 'a list');
    await station.daemon.end('SIGKILL', 'SIGKILL');
    station.startDaemon(central.url);
    await central.wait('BootNotification');
    await central.waitStatus('Available');
    equal(await central.call('GetLocalListVersion'), {listVersion: 4}, 'after kill -9');
    equal(await send(4, 'Differential', [entry('0102030405', 'Accepted')]), {status: 'VersionMismatch'}, 'not newer');
    equal(await send(5, 'Differential', [{idTag: '04A2B3C4'}, entry('0102030405', 'Blocked')]), {status: 'Accepted'}, 'newer');
}

async function offlineByList(central, station, reader) {
    const port = central.port;
    await central.close();
    await until(async () => (await station.status()).link !== 'open', 'the link down');
    station.sim.tell('plug 1');
    await sleep(1500);
    reader.type('0102030405\r'); // blocked
    await sleep(2500);
    check((await station.status()).connectors[0].state === 'Preparing', 'a blocked card began something');
    reader.type('0C00840326\r'); // listed
    await station.waitPower();
    await central.listen(port);
    const start = await central.wait('StartTransaction', () => true, 90000);
    equal(start.payload.idTag, '0C00840326', 'started offline');
    await sleep(2500); // or it would be the same presentation
    reader.type('0C00840326\r');
    equal((await central.wait('StopTransaction')).payload.idTag, '0C00840326', 'ended by its card');
}

await main('reader', async () => {
    const central = new Central();
    await central.listen();
    const reader = await openReader();
    const station = new Station({settings: ['ReconnectWaitMinimum=1', 'ReconnectWaitMaximum=2'],
        daemonArguments: ['--reader', `serial:${reader.device}`]});
    await station.startSim();
    station.startDaemon(central.url);
    await central.wait('BootNotification');
    await central.waitStatus('Available');
    await sessionByCard(central, station, reader);
    await listOutlivesKill(central, station);
    await offlineByList(central, station, reader);
    await station.end();
    equal(central.invalid, [], 'invalid frames');
    reader.end();
    await central.close();
});
