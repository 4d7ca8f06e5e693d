"""Names that devices look up in their makers' clouds; from makers' documentation, lists of firewalls, and experience.

Only names that devices ask for by themselves: those of shops and websites would say more of the people nearby.
"""

from __future__ import annotations

import re
from typing import Final

from vedette.sensor.recognize.hints import Hint, Told

_MAX_LABELS: Final = 6

# Type, weight, vendor, and names that end like these; ``#`` stands for any number, as ``words.general`` writes it.
_CLOUDS: Final[tuple[tuple[str, int, str, str], ...]] = (
    # Sound, picture, play
    ("smart_speaker", 80, "Amazon", ("alexa.na.gateway.devices.a#z.com alexa.eu.gateway.devices.a#z.com "
     "alexa.fe.gateway.devices.a#z.com avs-alexa-na.amazon.com avs-alexa-eu.amazon.com avs-alexa-fe.amazon.com "
     "avs-alexa-#-na.amazon.com avs-alexa-#-eu.amazon.com avs-alexa-#-fe.amazon.com bob-dispatch-prod-na.amazon.com "
     "bob-dispatch-prod-eu.amazon.com bob-dispatch-prod-fe.amazon.com pindorama.amazon.com")),
    ("media_player", 72, "Amazon", "ftvr-na.amazon.com ftvr-eu.amazon.com appstore-tv-prod-na.amazon.com"),
    ("", 60, "Amazon", ("device-metrics-us.amazon.com device-metrics-us-#.amazon.com device-metrics-eu.amazon.com "
     "dcape-na.amazon.com dcape-eu.amazon.com kindle-time.amazon.com ntp-g#g.amazon.com fireoscaptiveportal.com "
     "softwareupdates.amazon.com det-ta-g#g.amazon.com todo-ta-g#g.amazon.com")),
    ("media_player", 75, "Roku", "logs.roku.com sr.roku.com sb.roku.com"),
    ("media_player", 60, "Roku", "roku.com"),
    ("television", 82, "Samsung", "samsungacr.com samsungrm.net internetat.tv samsungtifa.com"),
    ("television", 68, "Samsung", "samsungcloudsolution.com samsungcloudsolution.net samsungotn.net"),
    ("television", 85, "LG", "lgtvsdp.com lgsmartad.com lgtvcommon.com lgappstv.com"),
    ("television", 80, "Vizio", "tvinteractive.tv vizio.com"),
    ("television", 80, "Hisense", "hismarttv.com vidaahub.com hisense.com"),
    ("television", 75, "Sony", "bda.ndmdhs.com"),
    ("television", 75, "Philips", "nettvservices.com"),
    ("television", 70, "", "samba.tv hbbtv.org"),
    ("smart_speaker", 78, "Sonos", "ws.sonos.com update-firmware.sonos.com metrics.sonos.com lechmere.sonos.com"),
    ("smart_speaker", 78, "Bose", "bose.io bosecm.com"),
    ("game_console", 85, "Sony", "playstation.net"),
    ("game_console", 88, "Nintendo", "nintendo.net"),
    ("game_console", 55, "Microsoft", "xboxservices.com"),
    ("game_console", 70, "Valve", "steamdeck-images.steamos.cloud steamdeck-atomupd.steamos.cloud"),
    # Light, plugs, relays
    ("hub", 80, "Signify", ("dcp.cpp.philips.com dcs.cpp.philips.com ecdinterface.philips.com bridge.meethue.com "
     "diagnostics.meethue.com ws.meethue.com time.meethue.com otau.meethue.com")),
    ("hub", 55, "Signify", "meethue.com"),
    ("light", 85, "LIFX", "lifx.co"),
    ("light", 82, "WiZ", "wizconnected.com wiz.world"),
    ("light", 75, "Nanoleaf", "nanoleaf.me"),
    ("light", 75, "Sengled", "sengled.com"),
    ("light", 72, "", "zengge.com magichue.net"),
    ("light", 75, "Yeelight", "yeelight.com"),
    ("light", 72, "Govee", "govee.com"),
    ("iot_device", 72, "TP-Link", "tplinkcloud.com tplinknbu.com tplinkra.com"),
    ("camera", 82, "TP-Link", "ipcserv.tplinkcloud.com relay.tplinkcloud.com jump.tplinkcloud.com"),
    ("smart_plug", 55, "Belkin", "xbcs.net wemo#.com"),
    ("smart_plug", 50, "Meross", "meross.com"),
    ("switch_relay", 78, "Shelly", "shelly.cloud"),
    ("switch_relay", 75, "Sonoff", "coolkit.cc coolkit.cn"),
    ("switch_relay", 70, "Tasmota", "ota.tasmota.com"),
    ("iot_device", 78, "Tuya", "tuyaus.com tuyaeu.com tuyacn.com tuyain.com iotbing.com"),
    ("iot_device", 78, "Xiaomi", "io.mi.com"),
    ("iot_device", 72, "", ("aylanetworks.com ayla.com.cn electricimp.com particle.io xively.com evrythng.com "
     "arrayent.com thethings.network losant.com iot.us-east-#.amazonaws.com iot.us-west-#.amazonaws.com "
     "iot.eu-west-#.amazonaws.com iot.eu-central-#.amazonaws.com iot.ap-northeast-#.amazonaws.com "
     "iot.ap-southeast-#.amazonaws.com azure-devices.net azure-devices-provisioning.net mqtt.googleapis.com "
     "iot-as-mqtt.us-west-#.aliyuncs.com iot-as-mqtt.eu-central-#.aliyuncs.com iot-as-mqtt.cn-shanghai.aliyuncs.com "
     "iot-as-mqtt.ap-southeast-#.aliyuncs.com iot-as-mqtt.ap-northeast-#.aliyuncs.com")),
    ("iot_device", 65, "Edimax", "myedimax.com"),
    ("iot_device", 62, "D-Link", "mydlink.com wrpd.dlink.com"),
    ("iot_device", 60, "Netatmo", "netcom.netatmo.net"),
    # Hubs
    ("hub", 78, "Samsung", "connect.smartthings.com fw-update.smartthings.com fw-update#.smartthings.com"),
    ("hub", 80, "IKEA", "homesmart.ikea.net homesmart.ikea.com"),
    ("hub", 80, "Wink", "winkapp.com wink.com"),
    ("hub", 78, "Insteon", "insteon.com"),
    ("hub", 78, "Lutron", "lutron.io lutron.com"),
    ("hub", 80, "Hubitat", "hubitat.com"),
    ("hub", 72, "Home Assistant", "nabucasa.com version.home-assistant.io updates.home-assistant.io"),
    ("hub", 78, "Logitech", "myharmony.com"),
    ("hub", 72, "SwitchBot", "switch-bot.com"),
    ("hub", 68, "BroadLink", "ibroadlink.com broadlink.com.cn"),
    ("hub", 78, "eQ-3", "eq-#.de homematic.com smarthome.md.de"),
    ("hub", 65, "Osram", "lightify-api.org lightify.com"),
    ("hub", 75, "", "mios.com getvera.com fibaro.com athom.com homey.app bgchprod.info hivehome.com icontrol.com"),
    ("hub", 65, "Aqara", "aqara.com aqara.cn"),
    ("hub", 62, "Tado", "tado.com"),
    ("alarm_system", 75, "SimpliSafe", "simplisafe.com"),
    ("alarm_system", 75, "", "alarm.com alarmnet.com ajax.systems"),
    # Cameras and doors
    ("camera", 82, "Google Nest", "dropcam.com"),
    ("camera", 78, "Wyze", "wyzecam.com"),
    ("camera", 75, "", ("iotcplatform.com kalayservice.com kalay.net.cn vstarcam.com eye#.cn ajcloud.net netvue.com "
     "zmodo.com meshare.com ipcam#g.com p#pcam.com")),
    ("camera", 82, "Yi", "xiaoyi.com yitechnology.com"),
    ("camera", 82, "EZVIZ", "ezvizlife.com ezviz#.com ys#.com"),
    ("camera", 80, "Hikvision", "hik-online.com hik-connect.com hikvision.com"),
    ("camera", 80, "Dahua", "easy#ip.com easy#ipcloud.com dahuap#p.com dahuaddns.com lechange.com imoulife.com"),
    ("camera", 85, "Amcrest", "amcrestcloud.com amcrestview.com amcrestsecurity.com amcrest.com"),
    ("camera", 85, "Foscam", "myfoscam.com myfoscam.org foscam.com"),
    ("camera", 82, "Reolink", "reolink.com"),
    ("camera", 80, "Axis", "connect.axis.com"),
    ("camera", 78, "Verkada", "verkada.com"),
    ("camera", 85, "Samsung", "samsungsmartcam.com"),
    ("camera", 80, "Canary", "canaryis.com"),
    ("camera", 80, "Logitech", "video.logi.com"),
    ("camera", 62, "Arlo", "arlo.com arloxcld.com"),
    ("hub", 68, "Arlo", "messaging.netgear.com"),
    ("camera", 60, "Eufy", "eufylife.com"),
    ("iot_device", 65, "Blink", "immedia-semi.com"),
    ("camera", 88, "Xiaomi", "smartcamera.api.io.mi.com"),
    ("doorbell", 65, "Ring", "fw.ring.com clap.ring.com es.ring.com wss.ring.com ring.devices.a#z.com"),
    ("doorbell", 88, "DoorBird", "doorbird.com doorbird.net"),
    ("doorbell", 85, "SkyBell", "skybell.com skybellhd.com"),
    ("intercom", 75, "", "my#n.com butterflymx.com"),
    ("lock", 72, "", "august.com allegion.com allegionengage.com nuki.io danalock.com"),
    ("hub", 62, "", "ttlock.com sciener.cn sciener.com u-tec.com lockly.com"),
    ("garage_door", 82, "Chamberlain", "myqdevice.com liftmaster.com"),
    # Climate, appliances, health
    ("thermostat", 70, "Google Nest", "devices.nest.com"),
    ("", 60, "Google Nest", "frontdoor.nest.com time.nest.com home.nest.com"),
    ("thermostat", 80, "ecobee", "ecobee.com"),
    ("thermostat", 72, "Honeywell", "mytotalconnectcomfort.com clouddevice.io"),
    ("climate_unit", 80, "", "melcloud.com sensibo.io sensibo.com coolautomation.com daikinsmartdb.jp intesishome.com"),
    ("vacuum", 85, "iRobot", "irobotapi.com irobot.com"),
    ("vacuum", 85, "Ecovacs", "ecouser.net ecovacs.com"),
    ("vacuum", 82, "Roborock", "roborock.com"),
    ("vacuum", 80, "Neato", "neatocloud.com neatorobotics.com"),
    ("vacuum", 78, "Dreame", "dreame.tech"),
    ("appliance", 82, "BSH", "home-connect.com"),
    ("appliance", 80, "GE Appliances", "brillion.geappliances.com geappliances.com"),
    ("appliance", 78, "Whirlpool", "whrcloud.com whirlpool.com"),
    ("appliance", 72, "LG", "lgthinq.com"),
    ("appliance", 72, "Samsung", "samsungiots.com samsungiotcloud.com"),
    ("appliance", 80, "", "smarter.am anovaculinary.com anovaculinary.io behmor.com traegergrills.com juneoven.com"),
    ("scale", 85, "Withings", "scalews.withings.net scalews.withings.com"),
    ("camera", 82, "Withings", "babyws.withings.net xmpp.withings.net"),
    ("", 55, "Withings", "withings.net withings.com"),
    ("irrigation", 85, "", "rach.io rachio.com rainmachine.com gardena.com hydrawise.com"),
    ("weather_station", 82, "", "weatherlink.com ambientweather.net ecowitt.net rtupdate.wunderground.com"),
    ("sensor", 78, "", "awair.is foobot.io airthings.com purpleair.com sensorpush.com"),
    # Energy
    ("inverter", 80, "SolarEdge", "solaredge.com"),
    ("inverter", 80, "Enphase", "enphaseenergy.com"),
    ("inverter", 78, "", ("sunnyportal.com solarmanpv.com growatt.com goodwe-power.com fusionsolar.huawei.com "
     "solarweb.com isolarcloud.com")),
    ("energy_meter", 78, "", "smappee.net smappee.com emporiaenergy.com neur.io homewizard.com sense.com powerpal.net"),
    ("ev_charger", 80, "", "chargepoint.com wall-box.com easee.com zaptec.com go-e.co go-echarger.com"),
    # Offices
    ("printer", 85, "HP", "hpeprint.com avatar.ext.hp.com"),
    ("printer", 82, "Epson", "epsonconnect.com"),
    ("printer", 65, "Canon", "c-wss.com"),
    ("voip_phone", 82, "", "ztp.polycom.com rps.yealink.com provisioning.snom.com obihai.com fdm.gdms.cloud"),
    ("room_control", 68, "Crestron", "crestron.io xiocloud.com"),
    ("signage", 85, "BrightSign", "brightsignnetwork.com brightsign.biz bsn.cloud"),
    ("storage", 72, "Synology", "synology.com quickconnect.to"),
    ("storage", 72, "QNAP", "myqnapcloud.com qnap.com"),
    ("storage", 68, "Western Digital", "wd#go.com mycloud.com wdmycloud.com"),
    ("router", 80, "MikroTik", "cloud.mikrotik.com cloud#.mikrotik.com"),
    ("router", 78, "Eero", "e#ro.com eero.com"),
    ("access_point", 62, "", "trace.svc.ui.com fw-update.ubnt.com meraki.com arubanetworks.com ruckuswireless.com"),
    # Phones and computers
    ("computer", 62, "", "msftconnecttest.com msftncsi.com windowsupdate.com update.microsoft.com"),
    ("computer", 55, "", ("detectportal.firefox.com connectivity-check.ubuntu.com raspbian.org archive.raspberrypi.com "
     "archive.raspberrypi.org archive.ubuntu.com")),
    ("phone", 62, "Samsung", "samsungdm.com ospserver.net samsungapps.com"),
    ("phone", 62, "Xiaomi", "miui.com app.chat.xiaomi.net"),
    ("phone", 60, "", "hicloud.com allawnos.com heytapmobile.com vivo.com.cn"),
)  # fmt: skip

# What a name within such a cloud says of who looks it up: ``vs-cam.u#.immedia-semi.com``.
_KINDS: Final = {
    "cam": ("camera", 78), "camera": ("camera", 82), "ipc": ("camera", 82), "ipcam": ("camera", 85),
    "smartcamera": ("camera", 85), "doorbell": ("doorbell", 82), "plug": ("smart_plug", 72), "bulb": ("light", 80),
    "lock": ("lock", 72), "vacuum": ("vacuum", 82), "robot": ("vacuum", 65), "thermostat": ("thermostat", 82),
    "tv": ("television", 75), "printer": ("printer", 80), "speaker": ("smart_speaker", 75),
}  # fmt: skip
OF: Final = " of "

CLOUDS: Final[tuple[Hint, ...]] = (
    *(
        Hint(Told.CLOUD, f"^{name}", type_, weight, vendor)
        for type_, weight, vendor, names in _CLOUDS
        for name in names.split()
    ),
    *(Hint(Told.CLOUD, f"^{kind}{OF}", type_, weight) for kind, (type_, weight) in _KINDS.items()),
)
_NAMES: Final = frozenset(name for _, _, _, names in _CLOUDS for name in names.split())


def cloud_of(name: str) -> str:
    """Return the name of a maker's cloud that a name belongs to, the narrowest that is known; empty if to none.

    Args:
        name: As ``words.general`` writes it.
    """
    labels = name.strip(".").split(".")[-_MAX_LABELS:]
    for start in range(len(labels) - 1):
        if (found := ".".join(labels[start:])) in _NAMES:
            return found
    return ""


def kind_of(name: str, cloud: str) -> str:
    """Return the word before a cloud's name that says for what kind of device it is; empty if none does.

    Args:
        name: As ``words.general`` writes it.
        cloud: What ``cloud_of`` found in it.
    """
    words = re.split(r"[^a-z]+", name.removesuffix(".").removesuffix(cloud))
    return next((word for word in words if word in _KINDS), "")
