// A solution's back end on the unmodified Node service SDK, driven over standard input and output: one JSON object a line
// each way, as device.mjs. Started with one argument, a connection string.
import { createInterface } from 'node:readline';
import iothub from 'azure-iothub';

const registry = iothub.Registry.fromConnectionString(process.argv[2]);
const client = iothub.Client.fromConnectionString(process.argv[2]);
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const body = (answer) => ({ body: answer.responseBody ?? answer.result ?? answer });

const acts = {
  create: async ({ device }) => body(await registry.create(device)),
  update: async ({ device }) => body(await registry.update(device)),
  get: async ({ id }) => body(await registry.get(id)),
  list: async () => ({ ids: (await registry.list()).responseBody.map((device) => device.deviceId) }),
  remove: async ({ id }) => {
    await registry.delete(id);
    return {};
  },
  removeMany: async ({ ids }) => body(await registry.removeDevices(ids.map((deviceId) => ({ deviceId })), true)),
  addMany: async ({ devices }) => body(await registry.addDevices(devices)),
  addModule: async ({ module }) => body(await registry.addModule(module)),
  modules: async ({ id }) => body(await registry.getModulesOnDevice(id)),
  twin: async ({ id }) => {
    const { tags, properties, etag } = (await registry.getTwin(id)).responseBody;
    return { tags, properties, etag };
  },
  patchTwin: async ({ id, patch, etag = '*' }) => {
    const { tags, properties, etag: now } = (await registry.updateTwin(id, patch, etag)).responseBody;
    return { tags, properties, etag: now };
  },
  query: async ({ text, page }) => {
    const query = registry.createQuery(text, page);
    const ids = [];
    while (query.hasMoreResults) {
      for (const found of (await query.nextAsTwin()).result) ids.push(found.deviceId);
    }
    return { ids };
  },
  invoke: async ({ id, name, payload }) =>
    body(await client.invokeDeviceMethod(id, { methodName: name, payload, responseTimeoutInSeconds: 10 })),
  statistics: async () => body(await registry.getRegistryStatistics()),
};

say({ answer: 'ready' });
for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...given } = JSON.parse(line);
  try {
    say({ answer: op, ...(await acts[op](given)) });
  } catch (error) {
    say({ answer: op, error: `${error.name}: ${error.message}` });
  }
}
process.exit(0);
