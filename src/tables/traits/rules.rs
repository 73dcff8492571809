//! What is told of a device's kind, and what speaks for which: one table for all makers.
//!
//! What stands here was seen in recordings of such devices, or is in public tables: DHCP vendor classes in rapid7/recog
//! (BSD-2-Clause), host names, services and domains in spr-networks/super (BSD-3-Clause); see `SOURCES` of the lists.
//! A weight is 1 (hardly says anything) to 5 (nothing else says so).

use crate::kind::Kind::{self, *};
use Clue::*;

/// What tells something of a device's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clue {
    /// Who made it, by its hardware address.
    Vendor,
    /// Its DHCP vendor class (option 60).
    Class,
    /// The options that it asks for by DHCP (option 55).
    Asks,
    /// What it calls itself, by DHCP or multicast DNS.
    Host,
    /// Its services, by multicast DNS.
    Mdns,
    /// Its program or type, by SSDP.
    Ssdp,
    /// The names that it looks up.
    Name,
    /// What OpenWrt's ufp says of it.
    Ufp,
}

/// The names that devices look up, sorted: a line for each domain with all below it, the kind that looks it up, and the
/// weight. It is one text, since a list of texts takes half as much again for their places.
pub(super) const NAMES: &str = "\
allegionengage.com thing 4\n\
android.clients.google.com phone 2\n\
android.googleapis.com phone 2\n\
aqara.com thing 3\n\
archive.ubuntu.com computer 2\n\
arlo.com camera 3\n\
arloxcld.com camera 3\n\
arrayent.com light 2\n\
august.com thing 3\n\
avs-alexa-eu.amazon.com speaker 2\n\
bob-dispatch-prod-eu.amazon.com speaker 2\n\
bose.io speaker 3\n\
broadlink.com.cn thing 3\n\
cognitivenetworks.com tv 3\n\
connect.rom.miui.com phone 3\n\
connectivity-check.ubuntu.com computer 3\n\
connectivitycheck.android.com phone 2\n\
connectivitycheck.gstatic.com phone 1\n\
coolkit.cc plug 3\n\
coolkit.cn plug 3\n\
dch.dlink.com thing 4\n\
deb.debian.org computer 2\n\
detectportal.firefox.com computer 2\n\
device-metrics-us-2.amazon.com speaker 1\n\
device-metrics-us.amazon.com speaker 1\n\
dropcam.com camera 4\n\
e2ro.com router 4\n\
easy4ipcloud.com camera 3\n\
ecobee.com thing 3\n\
ecovacs.com thing 3\n\
enphaseenergy.com thing 4\n\
epsonconnect.com printer 4\n\
eq-3.de thing 3\n\
espressif.com thing 2\n\
eufylife.com camera 2\n\
ezvizlife.com camera 3\n\
fedoraproject.org computer 2\n\
fitbit.com thing 2\n\
foscam.com camera 3\n\
govee.com light 2\n\
gs-loc.apple.com phone 1\n\
gsp-ssl.ls.apple.com phone 1\n\
hicloud.com phone 2\n\
hik-connect.com camera 3\n\
hikvision.com camera 2\n\
hismarttv.com tv 4\n\
home-connect.com thing 3\n\
homematic.com thing 3\n\
hpconnected.com printer 3\n\
hpeprint.com printer 4\n\
immedia-semi.com camera 4\n\
imoulife.com camera 3\n\
io.mi.com thing 2\n\
iot-as-mqtt.cn-shanghai.aliyuncs.com thing 2\n\
iot-as-mqtt.us-west-1.aliyuncs.com thing 2\n\
iot.eu-central-1.amazonaws.com thing 2\n\
iot.eu-west-1.amazonaws.com thing 2\n\
iot.mi.com thing 2\n\
iot.us-east-1.amazonaws.com thing 2\n\
iot.us-west-2.amazonaws.com thing 2\n\
iotcplatform.com camera 3\n\
iphone-ld.apple.com phone 3\n\
irobot.com thing 3\n\
irobotapi.com thing 3\n\
ledvance.com light 3\n\
lgappstv.com tv 4\n\
lgsmartad.com tv 4\n\
lgtvcommon.com tv 4\n\
lgtvsdp.com tv 4\n\
lifx.co light 4\n\
lswf.net plug 3\n\
lutron.com light 3\n\
meethue.com light 4\n\
meraki.com router 3\n\
meross.com plug 3\n\
midea.com thing 3\n\
msftconnecttest.com computer 3\n\
msftncsi.com computer 3\n\
mtalk.google.com phone 1\n\
mydlink.com camera 2\n\
myfritz.net router 2\n\
myharmony.com thing 3\n\
myqnapcloud.com storage 3\n\
nanoleaf.me light 4\n\
nest.com thing 1\n\
netatmo.net thing 3\n\
nintendo.net console 4\n\
nintendowifi.net console 4\n\
nmcheck.gnome.org computer 3\n\
nuki.io thing 4\n\
osxapps.itunes.apple.com computer 3\n\
play.googleapis.com phone 1\n\
playstation.net console 3\n\
plex.tv storage 1\n\
query.ess.apple.com phone 1\n\
quickconnect.to storage 3\n\
raspberrypi.com computer 2\n\
raspberrypi.org computer 2\n\
reolink.com camera 4\n\
ring.com camera 3\n\
roborock.com thing 3\n\
roku.com tv 3\n\
samsungacr.com tv 4\n\
samsungcloudsolution.com tv 3\n\
samsungcloudsolution.net tv 3\n\
samsungdm.com phone 2\n\
samsungotn.net tv 3\n\
sciener.cn thing 3\n\
settings-win.data.microsoft.com computer 2\n\
shelly.cloud plug 3\n\
smartcamera.api.io.mi.com camera 4\n\
smarter.am thing 4\n\
smartthings.com thing 3\n\
smarttv.philips.com tv 3\n\
solaredge.com thing 3\n\
sonos.com speaker 3\n\
swcdn.apple.com computer 2\n\
switch-bot.com thing 3\n\
swscan.apple.com computer 3\n\
synology.com storage 3\n\
tado.com thing 3\n\
time-ios.apple.com phone 3\n\
time-macos.apple.com computer 4\n\
tivo.com tv 3\n\
tplinkcloud.com plug 2\n\
tplinknbu.com plug 1\n\
tplinkra.com plug 2\n\
tutk.com camera 3\n\
tuya.com thing 2\n\
tuyacn.com thing 2\n\
tuyaeu.com thing 2\n\
tuyaus.com thing 2\n\
ubnt.com router 3\n\
ueiwsp.com tv 3\n\
vas.samsungapps.com phone 2\n\
vizio.com tv 2\n\
wd2go.com storage 3\n\
whatsapp.net phone 2\n\
whispersystems.org phone 2\n\
windowsupdate.com computer 2\n\
withings.net thing 4\n\
wizconnected.com light 4\n\
wyze.com camera 2\n\
wyzecam.com camera 3\n\
xbcs.net plug 3\n\
xboxlive.com console 3\n\
xiaoyi.com camera 4\n\
yeelight.com light 3\n\
yitechnology.com camera 4\n\
";

/// What is told besides, by what tells it: what it speaks for, the weight, and patterns, of which one must be contained in
/// the text, in lower case; `^` stands for its beginning.
pub(super) const GROUPS: &[(Clue, Kind, u8, &str)] = &[
    (
        Vendor,
        Camera,
        3,
        "^hikvision|^dahua|^axis|^reolink|^wyze|^arlo|^ring|^ezviz|^amcrest|^uniview|^foscam|^imilab|^blink|^skybell|^dropcam|^lorex|^vivotek|^tiandy|^mobotix|^canary connect",
    ),
    (Vendor, Camera, 1, "^d-link|^edimax"),
    (Vendor, Plug, 3, "^meross|^shelly|^allterco"),
    (Vendor, Plug, 1, "^tp-link|^belkin|^edimax"),
    (Vendor, Light, 3, "^philips lighting|^signify|^osram|^lifx|^yeelight|^nanoleaf|^wiz|^lutron|^ledvance"),
    (
        Vendor,
        Thing,
        3,
        "^withings|^fitbit|^nest labs|^ecobee|^honeywell|^resideo|^irobot|^roborock|^dyson|^miele|^bsh|^eq-3|^nuki|^broadlink|^samjin|^netatmo|^gd midea|^gainspan|^tado|^solaredge|^enphase",
    ),
    (Vendor, Thing, 2, "^tuya"),
    (Vendor, Thing, 1, "^espressif|^texas instr|^silicon lab|^high-flying|^mxchip|^bouffalo|^beken|^xiaomi|^d-link"),
    (Vendor, Speaker, 2, "^amazon"),
    (
        Vendor,
        Tv,
        3,
        "^roku|^vizio|^tcl king|^hisense|^skyworth digital|^changhong|^vestel|^tpvision|^tpv display|^konka|^humax|^dish|^tivo",
    ),
    (Vendor, Tv, 1, "^samsung|^lg|^sony|^amazon|^google|^panasonic|^sharp|^arcadyan"),
    (Vendor, Speaker, 4, "^sonos|^bose|^tonies|^harman|^bang|^edifier"),
    (Vendor, Speaker, 1, "^google"),
    (Vendor, Printer, 3, "^seiko epson|^brother|^canon|^lexmark|^xerox|^ricoh|^kyocera|^konica|^oki electric|^zebra"),
    (Vendor, Printer, 1, "^hewlett|^hp"),
    (Vendor, Console, 4, "^nintendo|^sony interactive"),
    (Vendor, Storage, 4, "^synology|^qnap|^western digital|^seagate cloud|^super micro"),
    (
        Vendor,
        Router,
        2,
        "^cisco|^ubiquiti|^netgear|^avm|^fritz|^routerboard|^mikrotik|^eero|^zyxel|^aruba|^ruckus|^arris|^commscope|^sagemcom|^technicolor|^vantiva|^devolo|^open mesh|^airties|^draytek|^juniper|^tenda|^mercusys|^buffalo",
    ),
    (Vendor, Router, 1, "^d-link|^tp-link|^asustek"),
    (
        Vendor,
        Phone,
        3,
        "^oppo|^vivo|^oneplus|^realme|^honor dev|^huawei dev|^hmd global|^motorola mob|^tecno|^infinix|^itel|^htc|^fairphone|^nothing",
    ),
    (Vendor, Phone, 2, "^apple|^samsung"),
    (Vendor, Phone, 1, "^xiaomi|^huawei|^google|^lg|^sony"),
    (Vendor, Tablet, 1, "^apple"),
    (
        Vendor,
        Computer,
        2,
        "^intel|^dell|^lenovo|^micro-star|^giga-byte|^asrock|^lcfc|^compal|^quanta|^wistron|^pegatron|^raspberry|^vmware|^pcs sys|^framework|^acer|^clevo|^liteon|^azurewave",
    ),
    (Vendor, Computer, 1, "^apple|^asustek|^hewlett|^hp"),
    (
        Class,
        Phone,
        4,
        r"^polycom|^poly-|^yealink|^snom|^grandstream|ip\032phone|wireless\032phone|avaya|^huawei:android",
    ),
    (Class, Phone, 2, "^android-dhcp"),
    (Class, Phone, 1, "^dhcpcd-5"),
    (Class, Computer, 5, "^aaplbsdpc|^chromeos"),
    (Class, Computer, 4, "^msft"),
    (Class, Computer, 1, ":linux-"),
    (Class, Console, 5, "xbox|^playstation|^ps4|^ps5|^nintendo"),
    (
        Class,
        Printer,
        5,
        r"^mfg=|^hewlett-packard|laserjet|officejet|jetdirect|network\032printer|^canon|^zebra|^brother|^epson",
    ),
    (Class, Camera, 5, "^axis,|^hikvision|^dahua|ipcam|^avigilon"),
    (
        Class,
        Router,
        4,
        r"^meraki|^aerohive|^aruba|^cisco\032ap|^ubnt|^cambium|^mikrotik|^docsis|^dslforum|^tl-sg|^ruckus",
    ),
    (Class, Storage, 3, "^idrac|^cpqrib3|^synology"),
    (Class, Speaker, 5, "^sonos"),
    (Class, Tv, 4, "^brightsign|^roku"),
    (Class, Thing, 3, "^withings|^ewon|^apc"),
    (Class, Thing, 2, "^lwip|^esp"),
    (Class, Thing, 1, "^udhcp"),
    (Host, Phone, 4, "phone|^galaxy|^pixel|oneplus|^redmi|^huawei_|^sm-|^moto-|fairphone|^honor"),
    (Host, Phone, 3, "^android"),
    (Host, Tablet, 5, "ipad|tablet|galaxy-tab|^tab-|kindle"),
    (
        Host,
        Computer,
        4,
        "macbook|imac|mac-mini|macmini|^mac-pro|desktop|laptop|thinkpad|^pc-|-pc|latitude|ubuntu|fedora|raspberrypi|^surface|chromebook",
    ),
    (
        Host,
        Tv,
        4,
        "^roku|appletv|apple-tv|chromecast|firetv|fire-tv|bravia|samsungtv|samsung-tv|lgwebos|lgsmarttv|^lg-tv|vizio|tivo|androidtv|google-tv|mibox|philips-tv|^tv-|-tv",
    ),
    (Host, Speaker, 4, "^echo|speaker|alexa|sonos|homepod|^bose|soundbar|google-home|nest-audio|nest-mini"),
    (Host, Speaker, 3, "^amazon-"),
    (
        Host,
        Camera,
        4,
        "camera|ipcam|localcam|^cam-|-cam|doorbell|^ring-|^dcs-|reolink|hikvision|^axis-|^arlo|^wyze|^eufy|^amcrest|^dahua|foscam|^tapo_c|^c100|^c200|^c210",
    ),
    (Host, Plug, 4, "^hs10|^hs11|^hs2|^kp1|^ep10|^p100|^p110|^p115|wemo|shelly|plug|meross|sonoff|tasmota|^dsp-w"),
    (Host, Light, 4, "hue|lightify|lifx|yeelink-light|nanoleaf|^wiz_|^lb1|^kl1|^l530|bulb|lamp|light"),
    (
        Host,
        Thing,
        3,
        "^dch-|^esp_|^esp-|^esp32|tuya|^gainspan|roborock|rockrobo|roomba|thermostat|ecobee|smartthings|homematic|homeassistant|-hub|^hubv|lock|schlage|sensor|^tado|netatmo|withings|^dyson|switchbot|kettle",
    ),
    (
        Host,
        Printer,
        4,
        "^npi|officejet|laserjet|^envy|^brn|^brw|^brother|^canon|^epson|printer|xerox|deskjet|lexmark|kyocera",
    ),
    (Host, Console, 4, "xbox|playstation|^ps4|^ps5|nintendo"),
    (
        Host,
        Router,
        4,
        "unifi|mikrotik|openwrt|edgerouter|routerboard|^tl-|^archer|repeater|extender|^fritz|^deco|orbi|^eap|^uap|^rt-",
    ),
    (Host, Storage, 4, "synology|diskstation|truenas|freenas|unraid|proxmox|^nas|-nas|qnap|readynas|mycloud|esxi"),
    (Asks, Computer, 4, "^1,3,6,15,31,33,43,44,46,47|^1,121,3,6,15,119,252,95,44,46|^1,121,3,6,15,108,114,119,252,95"),
    (Asks, Computer, 3, "^1,28,2,3,15,6|^1,2,6,12,15,26,28,121"),
    (Asks, Phone, 3, "^1,3,6,15,26,28,51,58,59,43"),
    (Asks, Phone, 2, "^1,121,3,6,15,119,252|^1,121,3,6,15,108,114,119,252"),
    (Asks, Thing, 2, "^1,3,28,6"),
    (Asks, Thing, 1, "^1,3,6,12,15,28,42|^1,3,6,15,66,67"),
    (Mdns, Printer, 5, "_ipp._tcp|_ipps._tcp|_pdl-datastream._tcp|_printer._tcp|_scanner._tcp|_uscan._tcp"),
    (Mdns, Tv, 5, "_androidtvremote|_viziocast._tcp|model=appletv"),
    (Mdns, Tv, 4, "_amzn-wplay._tcp|_appletv-v2._tcp|_mediaremotetv._tcp"),
    (Mdns, Tv, 2, "_googlecast._tcp"),
    (Mdns, Tv, 1, "_airplay._tcp"),
    (Mdns, Speaker, 5, "_sonos._tcp|_soundtouch._tcp|model=audioaccessory"),
    (Mdns, Speaker, 2, "_raop._tcp|_spotify-connect._tcp"),
    (Mdns, Speaker, 1, "_googlecast._tcp"),
    (Mdns, Camera, 5, "_axis-video._tcp|_rtsp._tcp|_psia._tcp"),
    (Mdns, Camera, 3, "_dcp._tcp"),
    (Mdns, Light, 5, "_hue._tcp|_nanoleafapi._tcp|_nanoleafms._tcp|_elg._tcp"),
    (Mdns, Plug, 4, "_shelly._tcp|_ewelink._tcp"),
    (Mdns, Thing, 4, "_smartthings._tcp|_esphomelib._tcp|_home-assistant._tcp|_dyson_mqtt._tcp"),
    (Mdns, Thing, 2, "_hap._tcp|_matter._tcp|_meshcop._udp|_miio._udp"),
    (Mdns, Thing, 1, "_dhnap._tcp"),
    (Mdns, Storage, 4, "_adisk._tcp|model=xserve|model=rackmac|model=timecapsule"),
    (Mdns, Storage, 2, "_afpovertcp._tcp|_nfs._tcp|_smb._tcp"),
    (Mdns, Computer, 5, "model=macbook|model=imac|model=mac"),
    (Mdns, Computer, 3, "_workstation._tcp|_rfb._tcp|_udisks-ssh._tcp"),
    (Mdns, Computer, 1, "_smb._tcp|_ssh._tcp"),
    (Mdns, Phone, 4, "model=iphone|_apple-mobdev"),
    (Mdns, Tablet, 5, "model=ipad"),
    (Mdns, Router, 5, "_airport._tcp"),
    (Ssdp, Tv, 5, "roku|bravia|webos|smarttv|smart-tv"),
    (Ssdp, Tv, 3, ":dial:|sec_hhp|:tvdevice:"),
    (Ssdp, Tv, 2, ":mediarenderer:"),
    (Ssdp, Speaker, 5, "sonos|zoneplayer|heos"),
    (Ssdp, Light, 5, "ipbridge|^hue/"),
    (Ssdp, Plug, 5, "belkin:device"),
    (Ssdp, Camera, 4, "dcs-|camera|cellvision"),
    (Ssdp, Router, 5, ":internetgatewaydevice:|:wlanaccesspointdevice:"),
    (Ssdp, Printer, 5, ":device:printer"),
    (Ssdp, Storage, 5, "synology|qnap|diskstation"),
    (Ssdp, Storage, 2, ":mediaserver:"),
    (Ssdp, Computer, 3, r"windows|^microsoft\032edge"),
    (Ssdp, Computer, 2, r"^google\032chrome|^chromium"),
    (Ssdp, Console, 4, "xbox|playstation"),
    (Ufp, Phone, 4, "phone|pixel|galaxy"),
    (Ufp, Tablet, 5, "ipad|tablet|galaxy tab"),
    (Ufp, Computer, 4, "macbook|imac|mac |laptop|desktop|computer|windows"),
    (Ufp, Tv, 4, "^tv| tv|roku|chromecast|television"),
    (Ufp, Speaker, 4, "speaker|homepod|echo|sonos"),
    (Ufp, Camera, 4, "camera|doorbell"),
    (Ufp, Plug, 4, "plug"),
    (Ufp, Light, 4, "light|bulb|lamp"),
    (Ufp, Thing, 4, "thermostat|sensor|lock|watch|hub|iot"),
    (Ufp, Printer, 4, "printer"),
    (Ufp, Console, 5, "playstation|xbox|nintendo|console"),
    (Ufp, Router, 4, "router|access point"),
    (Ufp, Storage, 4, "nas"),
];
