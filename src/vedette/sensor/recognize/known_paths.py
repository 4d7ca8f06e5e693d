"""Pages that web servers of devices have: what a client asks for and gets tells what the server is."""

from __future__ import annotations

from typing import Final

from vedette.sensor.recognize.hints import Hint, Told

# Type, weight, vendor, and how paths begin, in lower case.
_PATHS: Final[tuple[tuple[str, int, str, str], ...]] = (
    ("smart_plug", 92, "Edimax", "/smartplug.cgi"),
    ("smart_plug", 70, "Belkin", "/insightservice.xml"),
    ("camera", 90, "", ("/onvif/device_service /onvif/media /videostream.cgi /snapshot.cgi /video.cgi /mjpg/video.mjpg "
     "/image/jpeg.cgi /cgi-bin/hi#")),
    ("camera", 92, "Dahua", "/cgi-bin/magicbox.cgi /cgi-bin/snapshot.cgi /rpc#_login"),
    ("camera", 85, "Hikvision", "/isapi/ /psia/ /doc/page/login.asp"),
    ("camera", 94, "Axis", "/axis-cgi/ /vapix/"),
    ("camera", 90, "Reolink", "/cgi-bin/api.cgi?cmd=getdevinfo"),
    ("hub", 85, "Signify", "/api/config /api/nouser/config"),
    ("media_player", 80, "Google", "/setup/eureka_info"),
    ("media_player", 85, "Roku", "/query/device-info /query/apps /keypress/"),
    ("smart_speaker", 90, "Sonos", "/mediarenderer/avtransport/control /zonegrouptopology/ /deviceproperties/control"),
    ("smart_speaker", 85, "Bose", "/now_playing /supportedurls"),
    ("switch_relay", 82, "Shelly", "/shelly /rpc/shelly.getdeviceinfo /rpc/shelly.getstatus /relay/#"),
    ("switch_relay", 72, "Tasmota", "/cm?cmnd="),
    ("light", 85, "WLED", "/json/si /win&"),
    ("light", 80, "Elgato", "/elgato/lights"),
    ("iot_device", 70, "D-Link", "/hnap#"),
    ("printer", 90, "HP", "/devmgmt/ /hp/device/ /eventmgmt/"),
    ("printer", 88, "", "/ipp/print /escl/ /wsd/print /printers/"),
    ("router", 75, "", "/cgi-bin/luci /goform/goform_get_cmd_process /webfig/"),
    ("router", 88, "AVM", "/igdupnp/control/ /tr#desc.xml /avmnexus"),
    ("storage", 85, "Synology", "/webapi/entry.cgi /webapi/query.cgi /webman/"),
    ("inverter", 90, "Fronius", "/solar_api/"),
    ("inverter", 85, "Enphase", "/production.json /ivp/"),
    ("energy_meter", 75, "HomeWizard", "/api/v#/data"),
    ("controller", 80, "Siemens", "/portal/portal.mwsl /awp/"),
    ("building_controller", 85, "Tridium", "/ord?station:"),
    ("management_controller", 90, "", "/redfish/v#"),
)  # fmt: skip

PATHS: Final[tuple[Hint, ...]] = (
    *(
        Hint(Told.PATH, f"^{path}", type_, weight, vendor)
        for type_, weight, vendor, paths in _PATHS
        for path in paths.split()
    ),
    Hint(Told.MAC, "^private", "phone", 25),
)
_STARTS: Final = tuple(hint.word[1:] for hint in PATHS if hint.told is Told.PATH)


def path_of(path: str) -> str:
    """Return how a path begins that only one kind of device has; empty if it may be anything's.

    Args:
        path: As ``words.general`` writes it.
    """
    if not path.startswith(_STARTS):
        return ""
    return max((start for start in _STARTS if path.startswith(start)), key=len)
