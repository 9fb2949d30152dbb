// SPDX-License-Identifier: MIT
// The Core profile while connected: sessions, remote control, lock, configuration, readings, faults, DataTransfer.
import {authorize, expect, message, same, serialReader, start, status, stop} from './rig.mjs';

const TIMEOUT_S = 2; // ConnectionTimeOut
const SAMPLE_SLACK_MS = 400;
const [ONE, TWO] = ['04A2B3C4', '04A2B3C5']; // as readers tell them

// ---- sessions at the charge point ----

async function pluginFirst(rig) {
    rig.plug();
    await rig.next(status('Preparing'));
    rig.card('TAG');
    await rig.next(authorize('TAG'));
    await rig.charging({idTag: 'TAG'});
}

async function identified(rig) {
    rig.card('TAG');
    await rig.any(authorize('TAG'), status('Preparing'));
}

async function identificationFirst(rig) {
    await identified(rig);
    rig.plug();
    await rig.charging({idTag: 'TAG'});
}

async function identificationTimeOut(rig) {
    await rig.configure({ConnectionTimeOut: TIMEOUT_S});
    await identified(rig);
    await rig.next(status('Available'));
    await rig.never(start());
}

async function vehicleSideUnplugged(rig) {
    const keys = ['StopTransactionOnEVSideDisconnect', 'UnlockConnectorOnEVSideDisconnect'];
    same([await rig.key(keys[0]), await rig.key(keys[1])], ['true', 'false'], `${keys}`);
    const {transactionId} = await rig.charge();
    rig.unplug();
    await rig.any(stop('EVDisconnected', {transactionId}), status(/^(Finishing|Available)$/));
    await rig.ask('UnlockConnector', {connectorId: 1}, (answer) => ['Unlocked', 'NotSupported'].includes(answer.status));
    await rig.level('Available');
}

async function authorizeInvalid(rig) {
    await rig.configure({MinimumStatusDuration: 1, LocalPreAuthorize: true});
    for (const [tag, verdict] of [['BAD1', 'Invalid'], ['BAD2', 'Expired'], ['BAD3', 'Blocked']]) {
        rig.tags[tag] = {status: verdict};
        rig.card(tag);
        await rig.next(authorize(tag));
    }
    rig.plug();
    await rig.next(status('Preparing'));
    await rig.never(start());
}

async function lockFailure(rig) {
    await rig.fault('lock-stuck');
    await rig.accepted('RemoteStartTransaction', {connectorId: 1, idTag: 'TAG'});
    await rig.next(status('Preparing'));
    rig.plug();
    await rig.next(status('Faulted', 1, {errorCode: 'ConnectorLockFailure'}));
    const billed = rig.since(0, 'StartTransaction').map((call) => rig.transactionOf(call));
    const ended = rig.since(0, 'StopTransaction').map((call) => call.payload.transactionId);
    same(ended, billed, 'transactions that go on with an open lock');
}

/** One serial reader: a card is for the connector where somebody waits, or for the session it began. */
async function oneReader(rig) {
    const reader = await serialReader();
    try {
        rig.station.more.push('--reader', `serial:${reader.path}`);
        await rig.begin();
        const begun = [];
        for (const [connectorId, idTag] of [[1, ONE], [2, TWO]]) {
            rig.plug(connectorId);
            await rig.next(status('Preparing', connectorId));
            reader.present(idTag);
            await rig.next(authorize(idTag));
            const [call] = await rig.any(start({connectorId, idTag}), status('Charging', connectorId));
            begun.push(rig.transactionOf(call));
        }
        reader.present(ONE);
        await rig.any(stop(undefined, {transactionId: begun[0], idTag: ONE}), status('Finishing', 1));
        same(rig.since(0, 'StopTransaction').length, 1, 'StopTransactions');
    } finally {
        reader.end();
    }
}

async function sameTagStops(rig) {
    const {transactionId} = await rig.charge('TAG');
    rig.card('OTHER');
    await rig.never(authorize('OTHER'), stop()); // there is no group that it could be of
    rig.card('TAG');
    await rig.any(stop(undefined, {transactionId, idTag: 'TAG'}), status('Finishing'));
}

async function sameParentStops(rig) {
    rig.tags.CHILD1 = rig.tags.CHILD2 = {status: 'Accepted', parentIdTag: 'PARENT'};
    const {transactionId} = await rig.charge('CHILD1');
    rig.card('CHILD2');
    await rig.next(authorize('CHILD2'));
    await rig.any(stop(undefined, {transactionId, idTag: 'CHILD2'}), status('Finishing'));
}

// ---- remote control ----

async function remoteStart(rig, pluggedFirst) {
    await rig.configure({AuthorizeRemoteTxRequests: true});
    same(await rig.key('AuthorizeRemoteTxRequests'), 'true', 'AuthorizeRemoteTxRequests');
    if (pluggedFirst) {
        rig.plug();
        await rig.next(status('Preparing'));
    }
    await rig.accepted('RemoteStartTransaction', {connectorId: 1, idTag: 'TAG'});
    if (pluggedFirst) {
        await rig.next(authorize('TAG'));
    } else {
        await rig.any(authorize('TAG'), status('Preparing'));
        rig.plug();
    }
    await rig.charging({idTag: 'TAG'});
}

async function remoteStartTimeOut(rig) {
    await rig.configure({ConnectionTimeOut: TIMEOUT_S});
    await rig.accepted('RemoteStartTransaction', {connectorId: 1, idTag: 'TAG'});
    await rig.sequence(status('Preparing'), status('Available'));
    await rig.never(start());
}

async function remoteStop(rig) {
    const {transactionId} = await rig.charge();
    await rig.accepted('RemoteStopTransaction', {transactionId});
    await rig.any(stop('Remote', {transactionId}), status('Finishing'));
    rig.unplug();
    await rig.level('Available');
}

async function remoteStartBusy(rig) {
    await rig.configure({LocalPreAuthorize: false});
    await rig.charge('TAG');
    await rig.rejected('RemoteStartTransaction', {connectorId: 1, idTag: 'OTHER'});
}

async function remoteStopUnknown(rig) {
    const {transactionId} = await rig.charge();
    await rig.rejected('RemoteStopTransaction', {transactionId: transactionId + 7});
    await rig.never(stop());
}

async function trigger(rig, requestedMessage, connectorId) {
    await rig.accepted('TriggerMessage', {requestedMessage, ...(connectorId ? {connectorId} : {})});
}

async function triggers(rig) {
    await trigger(rig, 'MeterValues', 1);
    const {payload} = await rig.next(message('MeterValues', {connectorId: 1}));
    same(payload.meterValue[0].sampledValue.map((each) => each.context).filter((each) => each !== 'Trigger'), [], 'contexts');
    await trigger(rig, 'Heartbeat');
    await rig.next(message('Heartbeat'));
    await trigger(rig, 'StatusNotification', 1);
    await rig.next(status('Available'));
    await trigger(rig, 'DiagnosticsStatusNotification');
    await rig.next(message('DiagnosticsStatusNotification', {status: 'Idle'}));
    await trigger(rig, 'FirmwareStatusNotification');
    await rig.next(message('FirmwareStatusNotification', {status: 'Idle'}));
}

async function triggerNowhere(rig) {
    await rig.rejected('TriggerMessage', {requestedMessage: 'MeterValues', connectorId: rig.connectors + 1});
    await rig.never(message('MeterValues'));
}

// ---- lock ----

async function unlockIdle(rig) {
    await rig.ask('UnlockConnector', {connectorId: 1}, {status: 'Unlocked'});
}

async function unlockCharging(rig) {
    const {transactionId} = await rig.charge();
    await rig.ask('UnlockConnector', {connectorId: 1}, {status: 'Unlocked'});
    await rig.any(stop('UnlockCommand', {transactionId}), status('Finishing'));
    rig.unplug();
    await rig.level('Available');
}

async function unlockFails(rig) {
    const {transactionId} = await rig.charge();
    await rig.fault('lock-stuck');
    await rig.accepted('RemoteStopTransaction', {transactionId});
    await rig.next(stop('Remote', {transactionId}));
    await rig.ask('UnlockConnector', {connectorId: 1}, {status: 'UnlockFailed'});
}

// ---- configuration ----

const REQUIRED = { // key -> may be written; null: as the charge point likes
    Core: {AuthorizeRemoteTxRequests: null, ClockAlignedDataInterval: true, ConnectionTimeOut: true, ConnectorPhaseRotation: true,
        GetConfigurationMaxKeys: false, HeartbeatInterval: true, LocalAuthorizeOffline: true, LocalPreAuthorize: true,
        MeterValuesAlignedData: true, MeterValuesSampledData: true, MeterValueSampleInterval: true, NumberOfConnectors: false,
        ResetRetries: true, StopTransactionOnEVSideDisconnect: null, StopTransactionOnInvalidId: true, StopTxnAlignedData: true,
        StopTxnSampledData: true, SupportedFeatureProfiles: false, TransactionMessageAttempts: true,
        TransactionMessageRetryInterval: true, UnlockConnectorOnEVSideDisconnect: null}, // fixed cable: errata 3.84
    FirmwareManagement: {},
    LocalAuthListManagement: {LocalAuthListEnabled: true, LocalAuthListMaxLength: false, SendLocalListMaxLength: false},
    Reservation: {},
    SmartCharging: {ChargeProfileMaxStackLevel: false, ChargingScheduleAllowedChargingRateUnit: false,
        ChargingScheduleMaxPeriods: false, MaxChargingProfilesInstalled: false},
    RemoteTrigger: {},
};

async function allKeys(rig) {
    const profiles = (await rig.key('SupportedFeatureProfiles')).split(',').map((each) => each.trim());
    same(profiles.toSorted(), Object.keys(REQUIRED).toSorted(), 'profiles');
    const all = (await rig.call('GetConfiguration')).configurationKey;
    for (const [key, writable] of profiles.flatMap((profile) => Object.entries(REQUIRED[profile]))) {
        const found = all.find((each) => each.key === key);
        expect(found, `${key} is missing`);
        expect(writable === null || found.readonly === !writable, `${key}: readonly ${found.readonly}`);
    }
    const wanted = ['HeartbeatInterval', 'NumberOfConnectors'];
    await rig.ask('GetConfiguration', {key: wanted}, (answer) => (answer.unknownKey ?? []).length === 0 &&
        JSON.stringify(answer.configurationKey.map((each) => each.key).toSorted()) === JSON.stringify(wanted));
}

async function changeKey(rig) {
    await rig.configure({MeterValueSampleInterval: 47});
    same(await rig.key('MeterValueSampleInterval'), '47', 'MeterValueSampleInterval');
}

// ---- readings ----

const DEFAULT_MEASURAND = 'Energy.Active.Import.Register';

/** Of a running transaction: context, measurands as configured, times one interval apart. */
async function readings(rig, {context, list, interval_s, settings, judge}) {
    await rig.configure(settings);
    const wanted = ((await rig.key(list)) || DEFAULT_MEASURAND).split(',');
    const {transactionId} = await rig.charge();
    const wants = Array.from({length: 3}, () => message('MeterValues', {connectorId: 1, transactionId}));
    const values = (await rig.sequence(...wants)).map((call) => call.payload.meterValue[0]);
    for (const value of values) {
        const measurands = value.sampledValue.map((each) => each.measurand ?? DEFAULT_MEASURAND);
        same([...new Set(measurands)].toSorted(), wanted.toSorted(), 'measurands');
        for (const each of value.sampledValue) {
            same(each.context ?? 'Sample.Periodic', context, 'context');
            expect(each.location !== 'EV' || each.measurand === 'SoC', `${each.measurand} at EV`);
        }
    }
    const times = values.map((value) => Date.parse(value.timestamp));
    const gaps = times.slice(1).map((time, i) => time - times[i]);
    expect(gaps.every((gap) => Math.abs(gap - interval_s * 1000) <= SAMPLE_SLACK_MS), `ms between readings: ${gaps}`);
    times.forEach(judge);
}

const sampled = (rig) => readings(rig, {context: 'Sample.Periodic', list: 'MeterValuesSampledData', interval_s: 2,
    settings: {MeterValueSampleInterval: 2, ClockAlignedDataInterval: 0}, judge: () => {}});

const aligned = (rig) => readings(rig, {context: 'Sample.Clock', list: 'MeterValuesAlignedData', interval_s: 3,
    settings: {MeterValueSampleInterval: 0, ClockAlignedDataInterval: 3},
    judge: (time) => expect(time % 3000 <= 999, `${new Date(time).toISOString()} is not aligned to 3 s`)});

// ---- faults, DataTransfer ----

async function faulted(rig) {
    await rig.fault('estop-wire');
    await rig.next(status('Faulted'));
    rig.plug();
    rig.card('TAG');
    await rig.rejected('RemoteStartTransaction', {connectorId: 1, idTag: 'TAG'});
    await rig.never(start());
}

async function unknownVendor(rig) {
    await rig.ask('DataTransfer', {vendorId: 'org.example.nobody', messageId: 'x', data: 'y'},
        (answer) => ['Rejected', 'UnknownMessageId', 'UnknownVendorId'].includes(answer.status));
}

/** The central system does not know our vendor: told, and without any consequence for the session. */
async function refusedTransfer(rig) {
    rig.central.answers.DataTransfer = () => ({status: 'UnknownVendorId'});
    await rig.configure({VendorMessages: 'VehicleInfo'});
    rig.plug();
    await rig.any(status('Preparing'), message('DataTransfer', {messageId: 'VehicleInfo'}));
    await rig.accepted('RemoteStartTransaction', {connectorId: 1, idTag: 'TAG'});
    const {transactionId} = await rig.charging();
    await rig.accepted('RemoteStopTransaction', {transactionId});
    await rig.any(stop('Remote', {transactionId}), status('Finishing')); // who does not know us is told less often
    rig.unplug();
    await rig.level('Available');
}

export const cases = [
    {id: 'TC_003_CS', title: 'Session, plugged in first', run: pluginFirst},
    {id: 'TC_004_1_CS', title: 'Session, identified first', run: identificationFirst},
    {id: 'TC_004_2_CS', title: 'Identified, nobody plugs in', run: identificationTimeOut},
    {id: 'TC_005_1_CS', title: 'Unplugged at the vehicle: transaction ends, cable is unlocked',
        none: 'The cable is fixed: UnlockConnectorOnEVSideDisconnect is read-only false (errata 3.84, 3.85)'},
    {id: 'TC_005_2_CS', title: 'Unplugged at the vehicle: transaction ends, cable stays', run: vehicleSideUnplugged},
    {id: 'TC_005_3_CS', title: 'Unplugged at the vehicle: transaction goes on',
        none: 'DC: energy cannot flow to a vehicle that is gone, StopTransactionOnEVSideDisconnect takes only true'},
    {id: 'TC_006_CS', title: 'One reader for several connectors',
        begins: false, connectors: 2, run: oneReader,
        note: 'Not in the 2025 document; steps derived from OCPP 4.1 and 4.8: a serial reader for two connectors'},
    {id: 'TC_010_CS', title: 'Remote start, plugged in first', run: (rig) => remoteStart(rig, true)},
    {id: 'TC_011_1_CS', title: 'Remote start, plugged in afterwards', run: (rig) => remoteStart(rig, false)},
    {id: 'TC_011_2_CS', title: 'Remote start, nobody plugs in', run: remoteStartTimeOut},
    {id: 'TC_012_CS', title: 'Remote stop', run: remoteStop},
    {id: 'TC_017_1_CS', title: 'Unlock a connector that has a lock, no session', run: unlockIdle,
        note: 'The cable is fixed at the station; what is unlocked is its plug in the vehicle'},
    {id: 'TC_017_2_CS', title: 'Unlock a connector that has no lock, no session',
        none: 'The plug has a lock which the station drives (TC_017_1_CS)'},
    {id: 'TC_018_1_CS', title: 'Unlock a connector that has a lock, in a session', run: unlockCharging},
    {id: 'TC_018_2_CS', title: 'Unlock a connector that has no lock, in a session',
        none: 'The plug has a lock which the station drives (TC_018_1_CS)'},
    {id: 'TC_019_CS', title: 'Read the configuration, all keys and some', run: allKeys},
    {id: 'TC_021_CS', title: 'Change a configuration key', run: changeKey},
    {id: 'TC_023_CS', title: 'Tag invalid, expired, blocked: no session', run: authorizeInvalid},
    {id: 'TC_024_CS', title: 'The plug does not lock: no session', run: lockFailure},
    {id: 'TC_026_CS', title: 'Remote start where a transaction runs', run: remoteStartBusy},
    {id: 'TC_027_CS', title: 'Remote start at connector 0', run: (rig) => rig.ask('RemoteStartTransaction', {connectorId: 0, idTag: 'TAG'},
        (answer) => answer.status === 'Rejected' || Boolean(answer.error))},
    {id: 'TC_028_CS', title: 'Remote stop of an unknown transaction', run: remoteStopUnknown},
    {id: 'TC_030_CS', title: 'Unlock fails', run: unlockFails},
    {id: 'TC_031_CS', title: 'Unlock a connector that does not exist', run: (rig) =>
        rig.ask('UnlockConnector', {connectorId: 9}, {status: 'NotSupported'})},
    {id: 'TC_040_1_CS', title: 'Change a key that does not exist', run: (rig) =>
        rig.ask('ChangeConfiguration', {key: 'Testing', value: 'true'}, {status: 'NotSupported'})},
    {id: 'TC_040_2_CS', title: 'Change a key to a value it cannot have', run: (rig) =>
        rig.rejected('ChangeConfiguration', {key: 'MeterValueSampleInterval', value: '-1'})},
    {id: 'TC_041_CS', title: 'No session while faulted', run: faulted},
    {id: 'TC_054_CS', title: 'Trigger each message', run: triggers},
    {id: 'TC_055_CS', title: 'Trigger at a connector that does not exist', run: triggerNowhere},
    {id: 'TC_062_CS', title: 'DataTransfer of a vendor nobody knows', run: unknownVendor},
    {id: 'TC_064_CS', title: 'DataTransfer to a central system that does not know the vendor', run: refusedTransfer,
        note: 'Not in the 2025 document for charge points; steps derived from OCPP 4.3'},
    {id: 'TC_068_CS', title: 'Only the tag that started a session ends it', run: sameTagStops},
    {id: 'TC_069_CS', title: 'A tag of the same parent ends a session', run: sameParentStops},
    {id: 'TC_070_CS', title: 'Sampled readings', run: sampled},
    {id: 'TC_071_CS', title: 'Clock-aligned readings', run: aligned},
];
