// What to put on a device so that it connects, per language: complete programs that run as they stand.
import { shellQuote } from '../ui/text';

export interface Place {
  host: string;
  port: number;
  idScope: string;
  device: string;
}

export interface Snippet {
  id: string;
  title: string;
  /** What it needs on the machine. */
  language: string;
  /** The file that it is saved as, and how that is run; without, it is typed as it stands. */
  file?: string;
  run?: string;
  text: (place: Place) => string;
}

const py = (text: string) => JSON.stringify(text);

/** For a device that was registered with a certificate of its own. */
export const WITH_CERTIFICATE: Snippet[] = [
  {
    id: 'python',
    title: 'Python',
    language: 'pip install azure-iot-device',
    file: 'device.py',
    run: 'python3 device.py',
    text: ({ host, device }) => `from azure.iot.device import IoTHubDeviceClient, Message, X509

client = IoTHubDeviceClient.create_from_x509_certificate(
    x509=X509(cert_file="device.pem", key_file="device.key"),
    hostname=${py(host)},
    device_id=${py(device)},
    server_verification_cert=open("root.pem").read(),
)
client.connect()
client.send_message(Message('{"hello": "world"}', content_type="application/json", content_encoding="utf-8"))
print("sent, and stored")
client.shutdown()
`,
  },
  {
    id: 'node',
    title: 'Node',
    language: 'npm install azure-iot-device azure-iot-device-mqtt',
    file: 'device.cjs',
    run: 'node device.cjs',
    text: ({ host, port, device }) => `const fs = require('node:fs');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');

const client = Client.fromConnectionString(${py(`HostName=${host}${port === 8883 ? '' : `:${port}`};DeviceId=${device};x509=true`)}, Mqtt);
client
  .setOptions({ cert: fs.readFileSync('device.pem', 'utf8'), key: fs.readFileSync('device.key', 'utf8'), ca: fs.readFileSync('root.pem', 'utf8') })
  .then(() => client.open())
  .then(() => client.sendEvent(new Message(JSON.stringify({ hello: 'world' }))))
  .then(() => console.log('sent, and stored'))
  .finally(() => client.close());
`,
  },
  {
    id: 'mosquitto',
    title: 'Command line',
    language: 'apt install mosquitto-clients',
    text: ({ host, port, device }) => `mosquitto_pub -h ${shellQuote(host)} -p ${port} --cafile root.pem --cert device.pem --key device.key \\
  -i ${shellQuote(device)} -u ${shellQuote(`${host}/${device}/?api-version=2021-04-12`)} \\
  -q 1 -t ${shellQuote(`devices/${device}/messages/events/`)} -m '{"hello": "world"}'
`,
  },
];

/** For a device that enrolls by itself with its factory certificate. */
export const BY_ENROLLMENT: Snippet[] = [
  {
    id: 'python',
    title: 'Python',
    language: 'pip install azure-iot-device cryptography',
    file: 'enroll.py',
    run: 'python3 enroll.py',
    text: ({ host, idScope, device }) => `import base64, json
from azure.iot.device import ProvisioningDeviceClient, X509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, ${py(device)})])
csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())

client = ProvisioningDeviceClient.create_from_x509_certificate(
    provisioning_host=${py(host)},
    registration_id=${py(device)},
    id_scope=${py(idScope)},
    x509=X509(cert_file="factory.pem", key_file="factory.key"),
    server_verification_cert=open("root.pem").read(),
)
client.provisioning_payload = {"csr": base64.b64encode(csr.public_bytes(serialization.Encoding.DER)).decode()}
result = client.register()
chain = json.loads(result.registration_state.response_payload)["issuedCertificateChain"]

with open("device.key", "wb") as file:
    file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
with open("device.pem", "wb") as file:
    for der in chain:
        file.write(x509.load_der_x509_certificate(base64.b64decode(der)).public_bytes(serialization.Encoding.PEM))
print(result.registration_state.device_id, "is enrolled; connect with device.pem and device.key")
`,
  },
  {
    id: 'node',
    title: 'Node',
    language: 'npm install azure-iot-provisioning-device azure-iot-provisioning-device-mqtt azure-iot-security-x509',
    file: 'enroll.cjs',
    run: 'NODE_EXTRA_CA_CERTS=root.pem node enroll.cjs',
    text: ({ host, port, idScope, device }) => `// First: openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout device.key -outform DER -out device.csr -subj ${shellQuote(`/CN=${device}`)}
// Run with NODE_EXTRA_CA_CERTS=root.pem
const fs = require('node:fs');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Mqtt } = require('azure-iot-provisioning-device-mqtt');
const { X509Security } = require('azure-iot-security-x509');

const security = new X509Security(${py(device)}, { cert: fs.readFileSync('factory.pem', 'utf8'), key: fs.readFileSync('factory.key', 'utf8') });
const client = ProvisioningDeviceClient.create(${py(port === 8883 ? host : `${host}:${port}`)}, ${py(idScope)}, new Mqtt(), security);
client.setProvisioningPayload({ csr: fs.readFileSync('device.csr').toString('base64') });
client.register((error, result) => {
  if (error) throw error;
  const pem = result.payload.issuedCertificateChain
    .map((der) => '-----BEGIN CERTIFICATE-----\\n' + der.match(/.{1,64}/g).join('\\n') + '\\n-----END CERTIFICATE-----\\n');
  fs.writeFileSync('device.pem', pem.join(''));
  console.log(result.deviceId, 'is enrolled; connect with device.pem and device.key');
});
`,
  },
];

/** How the holder of an authority's key proves to hold it: a certificate for the code. */
export function makeProof(code: string): string {
  return `openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj ${shellQuote(`/CN=${code}`)} \\
  -CA authority.pem -CAkey authority.key -keyout /dev/null -out proof.pem
cat proof.pem
`;
}

/** Return the fingerprint in what OpenSSL prints, as the platform writes it. */
export function fingerprintIn(printed: string): string {
  return printed.replace(/^.*=/u, '').replaceAll(':', '').trim().toLowerCase();
}

/** How a key and a certificate are made where there is no maker's authority. */
export function makeCertificate(device: string): string {
  return `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 \\
  -keyout device.key -out device.pem -subj ${shellQuote(`/CN=${device}`)}
openssl x509 -in device.pem -noout -fingerprint -sha256
`;
}
