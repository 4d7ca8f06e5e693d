// A registration by the unmodified Node SDKs; the argument is a JSON object, the result one JSON line.
import { readFileSync } from 'node:fs';
import provisioning from 'azure-iot-provisioning-device';
import mqtt from 'azure-iot-provisioning-device-mqtt';
import x509 from 'azure-iot-security-x509';
import symmetric from 'azure-iot-security-symmetric-key';

const settings = JSON.parse(process.argv[2]);
const security = settings.key_base64
  ? new symmetric.SymmetricKeySecurityClient(settings.registration_id, settings.key_base64)
  : new x509.X509Security(settings.registration_id, {
      cert: readFileSync(settings.cert, 'utf8'),
      key: readFileSync(settings.key, 'utf8'),
    });
const client = provisioning.ProvisioningDeviceClient.create(
  settings.host, settings.id_scope, new mqtt.Mqtt(), security,
);
if (settings.payload !== undefined) client.setProvisioningPayload(settings.payload);
client.register((error, result) => {
  const told = error
    ? { error: `${error.name}: ${error.message}`, result: error.result ?? null }
    : { device_id: result.deviceId, hub: result.assignedHub, payload: result.payload ?? null, status: result.status };
  process.stdout.write(JSON.stringify(told) + '\n', () => process.exit(error ? 1 : 0));
});
