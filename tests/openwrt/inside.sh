#!/bin/sh
# Runs inside an OpenWrt userland, see run. Each step says what it shows, and the first that fails ends it.
# shellcheck disable=SC2015 # `fail` ends the script, so `a && b || fail` is an if
ROOT=$1 LEASH=$2
BULB=02:00:00:00:00:20

step() { echo "-- $*"; }
fail() { echo "FAILED: $*"; leash status; leash doctor; logread -l 30 2>/dev/null; exit 1; }
# until SECONDS WHAT COMMAND...: tries ten times a second
until_() {
	n=$(($1 * 10)) what=$2; shift 2
	while ! "$@" >/dev/null 2>&1; do
		n=$((n - 1)); [ $n -gt 0 ] || fail "$what"
		sleep 0.1
	done
}
has() { grep -q -- "$1" "$2"; }
hasnt() { ! grep -q -- "$1" "$2"; }
daemon() { pgrep -f "^/usr/sbin/leash run"; }
gone() { ! daemon; }
published() { ubus -S call leash status; }
changed() { ubus call service event '{"type":"config.change","data":{"package":"leash"}}'; }
blocked() { nft list set inet leash null4 | grep -q "$1"; }
as() { user=$1; shift; start-stop-daemon -S -q -c "$user" -x /bin/ubus -- "$@"; }
again() { /etc/init.d/leash stop; until_ 5 "it ends" gone; /etc/init.d/leash start; until_ 5 "it runs" published; }
lines() { leash status --json | grep -q "\"lines\":$1,"; }
asked() { for n in 1 2 3; do echo "Nov 25 10:00:00 dnsmasq[1]: $n 192.168.77.50/4000$n query[A] www.example.com from 192.168.77.50"; done; }
# What the Makefile gives to a package's script of this name
script() { sed -n "/^define Package\/leash\/$1/,/^endef/p" "$ROOT/openwrt/Makefile" | sed '1d;$d;s/\$\$/$/g'; }
kept() { [ "$(ubus -S call leash orders)" = '{"modes":[],"names":[],"pins":[],"unpinned":[]}' ]; }

(cd "$ROOT/openwrt/files" && find . -type f) | while read -r file; do
	mkdir -p "/${file%/*}"; cp -p "$ROOT/openwrt/files/$file" "/$file"
done
cp "$LEASH" /usr/sbin/leash
mkdir -p /usr/share/leash; cp /etc/config/leash /usr/share/leash/config
ip link add br-lan type bridge; ip address add 192.168.77.1/24 dev br-lan; ip link set br-lan up
/sbin/ip neigh add 192.168.77.50 lladdr $BULB dev br-lan nud permanent
touch /tmp/dhcp.leases

step "the text of the settings has no problem"
leash check || fail "the settings that ship"

step "doctor knows of a daemon outside the jail"
touch /etc/openwrt_release
printf "config leash main\n option socket /tmp/two/socket\n option state /tmp/two/state\n option ubus ''\n" >/tmp/two.cfg
leash run --config /tmp/two.cfg &
until_ 5 "it says so" sh -c 'leash --socket /tmp/two/socket doctor | grep -q "not in a jail"'
kill $!; wait $!

step "without its acl.d file leash is not let onto the bus, and says so; after a HUP of ubusd it is"
mv /usr/share/acl.d/leash.json /tmp/
killall -HUP ubusd
/etc/init.d/leash enable; /etc/init.d/leash start
until_ 5 "it runs" leash status
until_ 5 "it is refused" sh -c 'leash doctor | grep -q "ubus refuses leash"'
mv /tmp/leash.json /usr/share/acl.d/; killall -HUP ubusd
until_ 8 "it is on the bus" published
leash doctor

leash doctor | grep jail && fail "it is in its jail"

step "its user, rights and jail"
PID=$(daemon)
grep -E '^(Uid|Gid|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|NSpid)' "/proc/$PID/status"
has '^Uid:	460	460	460	460' "/proc/$PID/status" || fail "user leash"
has '^CapEff:	0000000000001000' "/proc/$PID/status" || fail "CAP_NET_ADMIN and nothing else"
has '^CapBnd:	0000000000001000' "/proc/$PID/status" || fail "nor to be had"
has '^NoNewPrivs:	1' "/proc/$PID/status" || fail "no new rights"
has '^NSpid:.*	1$' "/proc/$PID/status" || fail "a jail"
ls "/proc/$PID/root/"; [ ! -e "/proc/$PID/root/work" ] && [ ! -e "/proc/$PID/root/bin/ubus" ] || fail "nothing else is in its jail"

step "all methods, as ubus lists them"
ubus -v list leash || fail "list"
for method in status devices blocks pins orders history findings detectors doctor; do
	ubus -S call leash $method >/dev/null || fail $method
done
ubus call leash device "{\"device\":\"$BULB\"}" | grep -q '"mode": "observe"' || fail "the neighbour is a device"
ubus -S call leash device '{"device":7}'; [ $? = 2 ] || fail "a wrong type"
ubus -S call leash dance; [ $? = 3 ] || fail "no such method"
ubus -S call leash device '{"device":"nobody"}'; [ $? = 4 ] || fail "no such device"

step "by other users: ubusd decides"
as leash -S call leash status && fail "a user whom nothing allows it"
echo '{"user":"nobody","access":{"leash":{"methods":["status"]}}}' >/usr/share/acl.d/nobody.json
killall -HUP ubusd
as nobody -S call leash status >/dev/null || fail "a user who may"
as nobody -S call leash blocking '{"on":false}' && fail "but not that"

step "orders come into the settings, by uci"
uci set leash.main.grace=7s # by somebody who has not finished
ubus call leash set_mode "{\"device\":\"$BULB\",\"mode\":\"guard\"}"
until_ 5 "the mode is kept" has "option mode 'guard'" /etc/config/leash
until_ 5 "and no order any longer" kept
leash block $BULB 45.10.9.9; leash block all ads.example; leash allow $BULB 45.10.7.7 --for 1h
until_ 5 "pins are kept" has "ads.example" /etc/config/leash
until_ 5 "and no orders any longer" kept
blocked 45.10.9.9 || fail "it is blocked"
hasnt 45.10.7.7 /etc/config/leash || fail "a pin with an end is not"
has "name 'ads.example'" /etc/config/leash || fail "by name"
leash off; until_ 5 "the switch is kept" has "option blocking '0'" /etc/config/leash
leash on; until_ 5 "on again" has "option blocking '1'" /etc/config/leash
blocked 45.10.9.9 || fail "it is blocked again"
leash unpin all ads.example; until_ 5 "taken back" hasnt ads.example /etc/config/leash
hasnt 7s /etc/config/leash || fail "what somebody has not finished stays so"
uci revert leash
cat /etc/config/leash; ls -l /etc/config/leash
leash check || fail "still without a problem"

step "uci commit and its event: the settings are read again, without a restart, and blocks stay"
SINCE=$(ubus call leash blocks | grep since); echo "$SINCE"
uci set leash.@device[0].name=plug; uci commit leash; changed
until_ 5 "it is called plug" sh -c 'ubus -S call leash devices | grep -q plug'
[ "$(daemon)" = "$PID" ] || fail "it was not restarted"
[ "$SINCE" = "$(ubus call leash blocks | grep since)" ] && blocked 45.10.9.9 || fail "the block is the same"

step "the same by rpcd, as LuCI does it: no event but rpcd's own"
section=$(ubus call uci get '{"config":"leash","type":"device"}' | sed -n 's/.*".name": "\(.*\)".*/\1/p')
ubus call uci set "{\"config\":\"leash\",\"section\":\"$section\",\"values\":{\"name\":\"kitchen plug\"}}" || fail "rpcd sets"
ubus call uci commit '{"config":"leash"}' || fail "rpcd commits"
until_ 5 "it is called kitchen plug" sh -c 'ubus -S call leash devices | grep -q "kitchen plug"'
[ "$(daemon)" = "$PID" ] && blocked 45.10.9.9 || fail "it was not restarted"
leash mode "kitchen plug" guard; until_ 5 "kept" has "option name 'kitchen plug'" /etc/config/leash
leash mode "kitchen plug" observe
leash name $BULB "Anna's plug"; until_ 5 "a name with a quote" has "option name 'Anna'.*'s plug'" /etc/config/leash
until_ 5 "and no order any longer" kept
ubus -S call leash devices | grep -q "Anna's plug" || fail "its name"
leash name $BULB ""; until_ 5 "its name is taken away" hasnt Anna /etc/config/leash
leash name $BULB "kitchen plug"; until_ 5 "and given again" kept

step "ubusd restarts"
killall ubusd; sleep 1; ubusd & 
until_ 5 "it is back" published
[ "$(daemon)" = "$PID" ] || fail "it was not restarted"
# procd comes back, too, and its triggers work.
until_ 5 "procd is back" ubus -S call service list
leash mode $BULB observe; until_ 5 "orders are kept" has "option mode 'observe'" /etc/config/leash

step "a crash: procd starts it again, and it knows what it knew"
kill -KILL "$PID"
until_ 12 "it runs again" published
[ "$(daemon)" != "$PID" ] || fail "another one"
blocked 45.10.9.9 || fail "the block holds"

step "programs in notify.d hear of it, as leash's user and without rights"
cat >/etc/leash/notify.d/tell <<-'END'
	#!/bin/sh
	read -r line
	echo "$line $(id -u)" >>/var/run/leash/told
	grep CapEff /proc/self/status >>/var/run/leash/told
END
chmod 755 /etc/leash/notify.d/tell
PID=$(daemon)
/etc/init.d/leash reload
until_ 5 "another process" pgrep -f "^/usr/sbin/leash notify"
[ "$(daemon)" = "$PID" ] || fail "the daemon was not restarted"
sleep 1
leash block $BULB 45.10.5.5
until_ 5 "it was told" has '"kind":"block"' /var/run/leash/told
cat /var/run/leash/told
has '} 460$' /var/run/leash/told || fail "by user leash"
has 'CapEff:	0000000000000000' /var/run/leash/told || fail "without rights"
leash notify --test || fail "the test of alerts"
has '"test":true.*} 460$' /var/run/leash/told || fail "the test runs as the alerts do"

step "the alerts that ship take hostile names as text (with stand-ins for what they call)"
mkdir -p /tmp/stand-in; cd /tmp/stand-in || exit
# shellcheck disable=SC2016 # what a shell must not fill in here is the point
for tool in curl sendmail mosquitto_pub; do
	printf '#!/bin/sh\nfor word; do echo "[$word]"; done >/tmp/said; cat >>/tmp/said\n' >$tool; chmod 755 $tool
done
# shellcheck disable=SC2016
NAME='$(touch pwned)`touch pwned`"; touch pwned #'
# shellcheck disable=SC2016
for hook in ntfy mail mqtt webhook; do
	printf '%s\n' '{"kind":"block","name":"$(touch pwned)`touch pwned`\"; touch pwned #","message":"203.0.113.9 is blocked"}' |
		PATH=/tmp/stand-in:$PATH sh /usr/share/leash/notify/$hook || fail "$hook"
	cat /tmp/said; echo
	has "203.0.113.9 is blocked" /tmp/said || fail "$hook says it"
	[ $hook = mqtt ] || [ $hook = webhook ] || grep -qF "$NAME" /tmp/said || fail "$hook names it"
	[ ! -e pwned ] || fail "$hook obeyed"
done
cd /

step "alerts of /etc/config/leash-alerts: root reads where they go, and leash's user sends them"
rm /etc/leash/notify.d/tell
cat >/usr/bin/mosquitto_pub <<-'END'
	#!/bin/sh
	id -u >>/var/run/leash/published
	grep CapEff /proc/self/status >>/var/run/leash/published
	cat "$XDG_CONFIG_HOME/mosquitto_pub" - >>/var/run/leash/published
END
chmod 755 /usr/bin/mosquitto_pub
uci -q show leash-alerts | grep alert && fail "it ships without an alert"
/etc/init.d/leash reload
until_ 5 "nobody wants any" sh -c '! pgrep -f "^/usr/sbin/leash notify"'
uci add leash-alerts alert; uci set leash-alerts.@alert[0].via=mqtt
# shellcheck disable=SC2016
uci set leash-alerts.@alert[0].to='mqtts://leash:$(touch /tmp/pwned)"@broker.example/home'
uci commit leash-alerts; ubus call service event '{"type":"config.change","data":{"package":"leash-alerts"}}'
until_ 5 "a process for it" pgrep -f "^/usr/sbin/leash notify"
[ "$(stat -c '%U %a' /etc/config/leash-alerts)" = "root 600" ] || fail "only root may read it"
sleep 1
has '^Uid:	460	460	460	460' "/proc/$(pgrep -f '^/usr/sbin/leash notify')/status" || fail "user leash"
has '^CapPrm:	0000000000000000' "/proc/$(pgrep -f '^/usr/sbin/leash notify')/status" || fail "no rights"
leash block $BULB 45.10.5.6
leash unblock $BULB 45.10.5.6; leash unpin $BULB 45.10.5.6
leash notify --test || fail "the test of alerts"
cat /var/run/leash/published
has '^460$' /var/run/leash/published || fail "by user leash"
has 'CapEff:	0000000000000000' /var/run/leash/published || fail "without rights"
# shellcheck disable=SC2016
has '^-L mqtts://leash:$(touch /tmp/pwned)"@broker.example/home/block$' /var/run/leash/published || fail "as it is set"
[ ! -e /tmp/pwned ] || fail "it was obeyed"
logread | grep -q "touch /tmp/pwned" && fail "a secret in the log"
uci set leash-alerts.@alert[0].via=telegram; uci commit leash-alerts
ubus call service event '{"type":"config.change","data":{"package":"leash-alerts"}}'
until_ 9 "doctor knows" sh -c 'leash doctor | grep -q "alert 1 is not sent"'
uci delete leash-alerts.@alert[0]; uci commit leash-alerts
rm /usr/bin/mosquitto_pub; rm -rf /var/run/leash/published

step "switched off by its settings"
uci set leash.main.enabled=0; uci commit leash; changed
until_ 5 "it ends" gone
uci set leash.main.enabled=1; uci commit leash; changed
until_ 5 "it runs" published

step "verbs of the init script"
/etc/init.d/leash doctor
/etc/init.d/leash keep || fail "keep"
/etc/init.d/leash | grep -E "doctor|keep" || fail "its help"

step "without ujail it runs as root, and doctor says so"
mv /sbin/ujail /tmp/; /etc/init.d/leash stop; until_ 5 "it ends" gone; /etc/init.d/leash start
until_ 5 "it runs" published
has '^Uid:	0' "/proc/$(daemon)/status" || fail "root"
[ "$(stat -c %U /var/run/leash/socket)" = root ] || fail "root's socket"
leash doctor | grep "not in a jail" || fail "doctor"
blocked 45.10.9.9 || fail "blocks hold"
mv /tmp/ujail /sbin/; /etc/init.d/leash stop; until_ 5 "it ends" gone; /etc/init.d/leash start
until_ 5 "it runs" published
has '^Uid:	460' "/proc/$(daemon)/status" || fail "user leash again, with what root has written"
blocked 45.10.9.9 || fail "blocks hold"

step "what the settings place elsewhere is in the jail; the query log is heard of there, and emptied when it is large"
mkdir -p /mnt/lists; echo 203.0.113.99 >/mnt/lists/mine.list; rm -f /tmp/leash-queries.log
echo "1900000000 $BULB 192.168.77.50 lamp *" >/tmp/other.leases
uci batch <<-END
	set leash.main.query_log=/tmp/leash-queries.log
	set leash.main.leases=/tmp/other.leases
	add_list leash.main.lists=/mnt/lists
	add_list leash.main.lists=/etc/leash/lists
	set leash.main.state=/mnt/leash/state
	commit leash
END
mkdir -p /etc/leash/lists; again
leash doctor | grep "list" && fail "its lists"
leash status --json | grep -q '"lists":{"bytes":[0-9]*,"entries":1,' || fail "an entry of a list"
leash device $BULB | grep lamp || fail "a lease's name"
asked >>/tmp/leash-queries.log; until_ 5 "three questions" lines 3
asked >>/tmp/leash-queries.log; until_ 5 "three more" lines 6
yes "$(asked)" | head -c 1200000 >>/tmp/leash-queries.log
until_ 15 "it is emptied" [ ! -s /tmp/leash-queries.log ]
/etc/init.d/leash stop; until_ 5 "it ends" gone
[ "$(stat -c %U /mnt/leash/state)" = leash ] || fail "the state elsewhere"
uci batch <<-END
	delete leash.main.query_log
	delete leash.main.leases
	delete leash.main.lists
	delete leash.main.state
	commit leash
END
/etc/init.d/leash start; until_ 5 "it runs" published

step "an upgrade by apk, which leaves the old program running: the new one runs then; by opkg: it is not started twice"
PID=$(daemon); cp /usr/sbin/leash /tmp/new; mv /tmp/new /usr/sbin/leash
script postinst >/tmp/postinst
PKG_UPGRADE=1 /etc/init.d/leash start; PKG_UPGRADE=1 sh /tmp/postinst
until_ 5 "the old one ends" [ ! -d "/proc/$PID" ]
until_ 5 "the new one runs" published
[ "$(readlink "/proc/$(daemon)/exe")" = /usr/sbin/leash ] || fail "it is the new one"
blocked 45.10.9.9 || fail "blocks hold"
/etc/init.d/leash stop; PKG_UPGRADE=1 sh /tmp/postinst; PKG_UPGRADE=1 /etc/init.d/leash start
until_ 5 "it runs" published
[ "$(daemon | wc -l)" = 1 ] || fail "once"

step "a link in place of the state: root does not follow it"
/etc/init.d/leash stop; until_ 5 "it ends" gone
mv /etc/leash/state /tmp/state; touch /tmp/precious; ln -s /tmp/precious /etc/leash/state
/etc/init.d/leash start; until_ 5 "it runs" published
[ "$(stat -c %U /tmp/precious)" = root ] || fail "another's file"
/etc/init.d/leash stop; until_ 5 "it ends" gone; mv /tmp/state /etc/leash/state
/etc/init.d/leash start; until_ 5 "it runs" published

step "stopped within a second; nothing is blocked then"
BEGIN=$(cut -d. -f1 /proc/uptime)
/etc/init.d/leash stop
until_ 1 "it ends" gone
echo "$(($(cut -d. -f1 /proc/uptime) - BEGIN)) s"
[ "$(stat -c %U /etc/leash/state)" = leash ] && has "pin .* allow 45.10.7.7" /etc/leash/state || fail "what it knows is on flash"
! blocked 45.10.9.9 || fail "all is open"

step "what is done once after the installation, and its undoing"
touch /etc/config/dhcp; uci add dhcp dnsmasq; uci commit dhcp
[ -d /sys/module/nfnetlink_log ] || echo "(no module nfnetlink_log here)"
# shellcheck disable=SC2317,SC2329 # 90-leash calls modprobe
once() { (modprobe() { return "$TAP"; }; . /etc/uci-defaults/90-leash); } # `.` runs to its exit
TAP=0; once
[ -z "$(uci -q get dhcp.@dnsmasq[0].logqueries)" ] || fail "with the tap dnsmasq is left alone"
if [ ! -d /sys/module/nfnetlink_log ]; then
	TAP=1; once
	[ -z "$(uci -q get dhcp.@dnsmasq[0].logqueries)" ] || fail "dnsmasq's jail does not let it log here"
	# shellcheck disable=SC2016 # for that script's own shell
	printf '#!/bin/sh\n# procd_add_jail_mount_rw "$logfacility"\necho "$1" >>/tmp/dnsmasq-was-told\n[ ! -e /tmp/dnsmasq-is-off ]\n' >/etc/init.d/dnsmasq
	chmod 755 /etc/init.d/dnsmasq
	uci set dhcp.@dnsmasq[0].logqueries=1; uci commit dhcp; once
	[ -z "$(uci -q get dhcp.@dnsmasq[0].logfacility)" ] || fail "who reads lookups in the system log still does"
	uci delete dhcp.@dnsmasq[0].logqueries; uci commit dhcp
	touch /tmp/dnsmasq-is-off; once; sh /usr/share/leash/undo; rm /tmp/dnsmasq-is-off
	has restart /tmp/dnsmasq-was-told && fail "a dnsmasq that is off stays so"
	once; once
	has restart /tmp/dnsmasq-was-told || fail "dnsmasq is told"
	uci show dhcp
	[ "$(uci get dhcp.@dnsmasq[0].logqueries)$(uci get leash.main.query_log)" = 1/tmp/leash-queries.log ] || fail "without it the log"
	sh /usr/share/leash/undo
	[ -z "$(uci -q get dhcp.@dnsmasq[0].logqueries)$(uci -q get dhcp.@dnsmasq[0].logfacility)" ] || fail "undone"
	[ -z "$(uci -q get leash.main.query_log)" ] || fail "undone in leash's settings, too"
	uci set dhcp.@dnsmasq[0].logfacility=/tmp/mine; uci commit dhcp
	once; sh /usr/share/leash/undo
	[ "$(uci get dhcp.@dnsmasq[0].logfacility)$(uci get leash.main.query_log)" = /tmp/mine/tmp/mine ] || fail "another's log is read, and left alone"
fi

step "removed while it runs, with blocks that were to stay: nothing stays (by opkg the script runs first, by apk last)"
uci set leash.main.on_stop=keep; uci commit leash
script prerm >/tmp/prerm
for way in opkg apk; do
	/etc/init.d/leash start; until_ 5 "it runs" published
	leash block $BULB 45.10.9.9; until_ 5 "it is blocked" blocked 45.10.9.9
	[ $way = opkg ] || /etc/init.d/leash stop
	sh /tmp/prerm
	/etc/init.d/leash stop; sleep 1
	gone || fail "$way: it runs"
	nft list table inet leash 2>/dev/null && fail "$way: its table stayed"
done
echo "all is well"
