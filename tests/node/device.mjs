// A device of the unmodified Node SDK, driven over standard input and output: one JSON object a line each way.
//
// Started with one argument, a JSON object: {connection_string, cert?, key?, ca}. Commands are {op, …}; each is answered
// with {answer: op, …} or {error: text}. What the hub sends by itself comes as {event: …}.
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import device from 'azure-iot-device';
import mqtt from 'azure-iot-device-mqtt';

const { Client, Message } = device;
const settings = JSON.parse(process.argv[2]);
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const transport = settings.websockets ? mqtt.MqttWs : mqtt.Mqtt;
const client = Client.fromConnectionString(settings.connection_string, transport);

let twin;

function connect() {
  const options = { ca: readFileSync(settings.ca, 'utf8') };
  if (settings.cert) {
    options.cert = readFileSync(settings.cert, 'utf8');
    options.key = readFileSync(settings.key, 'utf8');
  }
  return client.setOptions(options).then(() => client.open());
}

const acts = {
  async connect() {
    client.on('disconnect', (error) => say({ event: 'disconnect', detail: String(error && error.message) }));
    client.on('error', (error) => say({ event: 'error', detail: String(error && error.message) }));
    await connect();
    return {};
  },
  async listen() {
    client.on('message', (message) => {
      const properties = {};
      for (let index = 0; index < message.properties.count(); index += 1) {
        const item = message.properties.getItem(index);
        properties[item.key] = item.value;
      }
      say({ event: 'message', id: message.messageId, body: message.getData().toString('utf8'), properties });
      client.complete(message, () => {});
    });
    return {};
  },
  async send({ body, properties = {}, message_id: id }) {
    const message = new Message(body);
    if (id) message.messageId = id;
    for (const [key, value] of Object.entries(properties)) message.properties.add(key, value);
    await client.sendEvent(message);
    return {};
  },
  async output({ output, body }) {
    await client.sendOutputEvent(output, new Message(body));
    return {};
  },
  async twin() {
    twin = await client.getTwin();
    twin.on('properties.desired', (delta) => say({ event: 'desired', delta }));
    return { desired: twin.properties.desired, reported: twin.properties.reported };
  },
  async report({ patch }) {
    await new Promise((resolve, reject) => {
      twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve()));
    });
    return {};
  },
  async method({ name, status, payload }) {
    client.onDeviceMethod(name, (request, response) => {
      say({ event: 'method', name: request.methodName, payload: request.payload });
      const done = (error) => say({ event: 'method answered', error: error ? String(error) : null });
      if (payload === undefined) response.send(status, done);
      else response.send(status, payload, done);
    });
    return {};
  },
  async close() {
    await client.close();
    return {};
  },
};

const lines = createInterface({ input: process.stdin });
lines.on('line', async (line) => {
  const { op, ...rest } = JSON.parse(line);
  try {
    say({ answer: op, ...(await acts[op](rest)) });
  } catch (error) {
    say({ answer: op, error: `${error && error.name}: ${error && error.message}` });
  }
});
lines.on('close', () => process.exit(0));
