// A station of another maker: the npm package ocpp-rpc in strict mode, which checks every
// message of both sides against the standard's schemas. It lives through a charging, says what
// else its plan names, answers each command of the plan and prints one JSON object at its end.
//
//   node ocpp_rpc_station.js ENDPOINT IDENTITY PROTOCOL PLAN
//
// PLAN is a JSON file: {"say": [[action, payload], ...], "obey": {command: answer, ...}}
const fs = require('fs');
const {RPCClient, createValidator} = require('ocpp-rpc');

const [endpoint, identity, protocol, planFile] = process.argv.slice(2);
const plan = JSON.parse(fs.readFileSync(planFile, 'utf8'));
const report = {steps: [], commands: [], failures: []};
const fail = (what, error) => report.failures.push(`${what}: ${error?.message ?? error}`);
const now = () => new Date().toISOString();

// The package looks for schemas by names that its own of 2.1 do not have.
function validatorOf21() {
    const path = require.resolve('ocpp-rpc/lib/schemas/ocpp2_1.json');
    const schemas = JSON.parse(fs.readFileSync(path, 'utf8'));
    for (const schema of schemas) {
        schema.$id = schema.$id.replace(/Request$/, '.req').replace(/Response$/, '.conf');
    }
    return createValidator('ocpp2.1', schemas);
}

const station = new RPCClient({
    endpoint, identity, protocols: [protocol], strictMode: true, reconnect: false,
    callTimeoutMs: 15000, pingIntervalMs: 1000,
    strictModeValidators: protocol === 'ocpp2.1' ? [validatorOf21()] : [],
});
station.on('strictValidationFailure', ({error, method}) => fail(`strict ${method}`, error));
station.on('badMessage', ({error}) => fail('bad message', error));

async function say(action, payload) {
    try {
        const answer = await station.call(action, payload);
        report.steps.push({action, answer});
        return answer;
    } catch (error) {
        fail(action, error);
        return {};
    }
}

const commanded = new Promise((resolve) => {
    const missing = new Set(Object.keys(plan.obey));
    for (const [action, answer] of Object.entries(plan.obey)) {
        station.handle(action, ({params}) => {
            report.commands.push({action, params});
            missing.delete(action);
            if (missing.size === 0) {
                setTimeout(resolve, 100);
            }
            return answer;
        });
    }
});

async function speak16() {
    await say('BootNotification', {
        chargePointVendor: 'ocpp-rpc', chargePointModel: 'strict', firmwareVersion: '2.2.1',
    });
    await say('StatusNotification', {connectorId: 0, errorCode: 'NoError', status: 'Available'});
    await say('StatusNotification',
        {connectorId: 1, errorCode: 'NoError', status: 'Preparing', timestamp: now()});
    await say('Heartbeat', {});
    await say('Authorize', {idTag: 'CARD-1'});
    const {transactionId} = await say('StartTransaction',
        {connectorId: 1, idTag: 'CARD-1', meterStart: 1000, timestamp: now()});
    await say('MeterValues', {connectorId: 1, transactionId, meterValue: [{
        timestamp: now(),
        sampledValue: [
            {value: '1500', measurand: 'Energy.Active.Import.Register', unit: 'Wh'},
            {value: '11000', measurand: 'Power.Active.Import', unit: 'W'},
        ],
    }]});
    await say('StopTransaction',
        {transactionId, meterStop: 2000, timestamp: now(), reason: 'Local', idTag: 'CARD-1'});
    await say('DataTransfer', {vendorId: 'ocpp-rpc', messageId: 'hello', data: 'world'});
    await say('DiagnosticsStatusNotification', {status: 'Idle'});
    await say('FirmwareStatusNotification', {status: 'Idle'});
}

async function speak2x() {
    const idToken = {idToken: 'CARD-1', type: 'ISO14443'};
    const component = {name: 'EVSE', evse: {id: 1}};
    const energy = [{timestamp: now(), sampledValue: [
        {value: 1500, measurand: 'Energy.Active.Import.Register', unitOfMeasure: {unit: 'Wh'}},
    ]}];
    const change = (eventType, triggerReason, seqNo, more) => say('TransactionEvent', {
        eventType, triggerReason, seqNo, timestamp: now(), ...more,
        transactionInfo: {transactionId: 'TX-1', ...more.transactionInfo},
    });
    await say('BootNotification', {
        reason: 'PowerUp', chargingStation: {vendorName: 'ocpp-rpc', model: 'strict'},
    });
    await say('StatusNotification',
        {timestamp: now(), connectorStatus: 'Occupied', evseId: 1, connectorId: 1});
    await say('Heartbeat', {});
    await say('Authorize', {idToken});
    await change('Started', 'CablePluggedIn', 0, {evse: {id: 1, connectorId: 1}, idToken});
    await change('Updated', 'MeterValuePeriodic', 1,
        {meterValue: energy, transactionInfo: {chargingState: 'Charging'}});
    await change('Ended', 'EVDeparted', 2, {transactionInfo: {stoppedReason: 'EVDisconnected'}});
    await say('MeterValues', {evseId: 1, meterValue: energy});
    await say('NotifyEvent', {generatedAt: now(), seqNo: 0, tbc: false, eventData: [{
        eventId: 1, timestamp: now(), trigger: 'Alerting', actualValue: 'true', cleared: false,
        eventNotificationType: 'HardWiredNotification', component, variable: {name: 'Problem'},
    }]});
    await say('SecurityEventNotification', {type: 'StartupOfTheDevice', timestamp: now()});
    await say('DataTransfer', {vendorId: 'ocpp-rpc', messageId: 'hello', data: 'world'});
    await say('LogStatusNotification', {status: 'Idle'});
    await say('FirmwareStatusNotification', {status: 'Idle'});
}

async function main() {
    await station.connect();
    report.protocol = station.protocol;
    await (protocol === 'ocpp1.6' ? speak16() : speak2x());
    for (const [action, payload] of plan.say) {
        await say(action, payload);
    }
    await say('DataTransfer', {vendorId: 'ocpp-rpc', messageId: 'done'});
    const patience = new Promise((resolve) => setTimeout(resolve, 90000, 'too late'));
    if (await Promise.race([commanded, patience]) === 'too late') {
        fail('commands', 'not all came');
    }
    await station.close();
}

main().catch((error) => fail('station', error)).finally(() => {
    process.stdout.write(JSON.stringify(report) + '\n', () => process.exit(0));
});
